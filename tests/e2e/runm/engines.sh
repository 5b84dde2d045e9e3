#!/bin/sh
# Builds the two other engines for the tests, from one source: llama-cpp-python's source distribution carries
# llama.cpp. llama-server is compiled (10 minutes on two cores), and llama-cpp-python is installed on top of the same
# libraries instead of compiling them again.
#
#   tests/e2e/runm/engines.sh FOLDER [PYTHON]
#
# prints the two variables to set; a second run is quick. Needs cmake and a C++ compiler.
set -eu
folder=$1
python=${2:-python3}
version=0.3.36
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
source=$folder/llama_cpp_python-$version
library=$folder/build/bin

if [ ! -d "$source" ]; then
    "$python" -m pip download --disable-pip-version-check --quiet --no-deps --dest "$folder" \
        --no-binary llama-cpp-python "llama-cpp-python==$version" >&2
    tar -xzf "$source.tar.gz" -C "$folder"
fi
if [ ! -x "$library/llama-server" ]; then
    nice cmake -S "$source/vendor/llama.cpp" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
        -DLLAMA_OPENSSL=OFF >&2
    nice cmake --build "$folder/build" --target llama-server mtmd --parallel "${JOBS:-2}" >&2
fi
if ! LLAMA_CPP_LIB_PATH=$library "$python" -c 'import llama_cpp' 2>/dev/null; then
    CMAKE_ARGS=-DLLAMA_BUILD=OFF "$python" -m pip install --disable-pip-version-check --quiet --no-cache-dir \
        "$source.tar.gz" >&2
fi
echo "BRONZEWILLOW_LLAMA_SERVER=$library/llama-server"
echo "LLAMA_CPP_LIB_PATH=$library"
