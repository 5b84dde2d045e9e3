from __future__ import annotations

from pathlib import Path

from bronzewillow.testing.lab.environment import ROOT, copy_sources, digest, folder_for, sources


def tree(root: Path) -> Path:
    for path, text in {
        "pyproject.toml": "[project]",
        "bronzewillow/a.py": "a = 1",
        "bronzewillow/wire/_native.pxd": "cdef",
        "bronzewillow/wire/_native.so": "built",
        "bronzewillow/__pycache__/a.py": "old",
        "tests/test_a.py": "not shipped",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_sources_are_what_a_wheel_is_built_from(tmp_path: Path) -> None:
    found = [str(path) for path in sources(tree(tmp_path))]
    assert found == ["pyproject.toml", "bronzewillow/a.py", "bronzewillow/wire/_native.pxd"]


def test_this_trees_sources_hold_the_kernel_and_the_build() -> None:
    found = {str(path) for path in sources(ROOT)}
    assert {"setup.py", "README.md", "LICENSE", "bronzewillow/wire/_kernel.py"} <= found


def test_the_digest_follows_names_and_contents(tmp_path: Path) -> None:
    root = tree(tmp_path)
    first = digest(root, list(sources(root)))
    assert first == digest(root, list(sources(root)))
    (root / "bronzewillow/a.py").write_text("a = 2")
    second = digest(root, list(sources(root)))
    (root / "bronzewillow/a.py").rename(root / "bronzewillow/b.py")
    assert len({first, second, digest(root, list(sources(root)))}) == 3


def test_a_copy_has_the_sources_alone(tmp_path: Path) -> None:
    root, target = tree(tmp_path / "root"), tmp_path / "copy"
    copy_sources(root, target, list(sources(root)))
    assert list(sources(target)) == list(sources(root))
    assert not list(target.rglob("*.so"))


def test_trees_and_interpreters_have_folders_of_their_own(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one"), tree(tmp_path / "other")
    folders = {folder_for(one, "python3"), folder_for(other, "python3"), folder_for(one, "python3.12")}
    assert len(folders) == 3
    assert folder_for(one, "python3") in folders
