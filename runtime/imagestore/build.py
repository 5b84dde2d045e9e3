"""An image of a Modelfile: the same layers in the same form as Ollama makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from runtime.gguf import GgufError, GgufHeader, read_headers
from runtime.go_json import emit_go_json
from runtime.images.config import ModelConfig, emit_config, parse_config
from runtime.images.manifest import Descriptor, emit_manifest
from runtime.images.media_types import (
    DOCKER_CONFIG,
    OLLAMA,
    OLLAMA_ADAPTER,
    OLLAMA_LICENSE,
    OLLAMA_MESSAGES,
    OLLAMA_MODEL,
    OLLAMA_PARAMS,
    OLLAMA_PROJECTOR,
    OLLAMA_SYSTEM,
    OLLAMA_TEMPLATE,
    Role,
)
from runtime.images.model_image import LONGEST_TEXT
from runtime.images.modelfile import Modelfile
from runtime.images.parameters import emit_parameters, merge_parameters, parse_parameters
from runtime.imagestore.errors import BuildError
from runtime.imagestore.store import ImageStore, StoredImage
from runtime.templates.chat import parse_chat_template
from runtime.templates.errors import TemplateError

FindBase = Callable[[str], StoredImage]
Told = Callable[[str], None]

_TYPES = {
    Role.MODEL: OLLAMA_MODEL,
    Role.ADAPTER: OLLAMA_ADAPTER,
    Role.PROJECTOR: OLLAMA_PROJECTOR,
    Role.DRAFT: f"{OLLAMA}draft",
    Role.TEMPLATE: OLLAMA_TEMPLATE,
    Role.SYSTEM: OLLAMA_SYSTEM,
    Role.PARAMS: OLLAMA_PARAMS,
    Role.MESSAGES: OLLAMA_MESSAGES,
    Role.LICENSE: OLLAMA_LICENSE,
}
_UNITS = ((10**12, "T", 1), (10**9, "B", 1), (10**6, "M", 2), (10**3, "K", 1))


def build(
    store: ImageStore, modelfile: Modelfile, folder: Path, find_base: FindBase, tell: Told = lambda line: None
) -> Descriptor:
    """Store all layers and the manifest; what it lacks is a name.

    `folder`: where relative paths begin. `find_base`: the image of a FROM that names no file. `tell`: gets a
    line for each step. BuildError, ImageError, StoreError.
    """
    return _Build(store, folder, tell).run(modelfile, find_base)


def parameters_in_words(count: int) -> str:
    """Such as `134.52M`, as Ollama has it."""
    for unit, name, digits in _UNITS:
        if count >= unit:
            return f"{count / unit:.{digits}f}{name}"
    return str(count)


class _Build:
    def __init__(self, store: ImageStore, folder: Path, tell: Told) -> None:
        self._store, self._folder, self._tell = store, folder, tell
        self._layers: list[tuple[Role, Descriptor]] = []
        self._config = ModelConfig()

    def run(self, modelfile: Modelfile, find_base: FindBase) -> Descriptor:
        model, *others = modelfile.from_
        path = self._file(model)
        if path is None:
            self._take_base(find_base(model))
        else:
            self._add_model(path)
        for other in others:
            self._add_projector(self._must_file(other, "FROM"))
        for adapter in modelfile.adapters:
            self._add_adapter(self._must_file(adapter, "ADAPTER"))
        for draft in modelfile.drafts:
            draft_path = self._must_file(draft, "DRAFT")
            self._header(draft_path, "DRAFT")
            self._add_file(Role.DRAFT, draft_path)
        self._add_texts(modelfile)
        return self._finish(modelfile)

    # ---- files

    def _file(self, text: str) -> Path | None:
        """A path that is there, or that can be nothing but a path."""
        path = self._folder / Path(text).expanduser()
        if path.is_file() or text.startswith(("/", ".", "~")) or text.lower().endswith(".gguf"):
            return path
        return None

    def _must_file(self, text: str, what: str) -> Path:
        path = self._folder / Path(text).expanduser()
        if not path.is_file():
            raise BuildError(f"{what} {text}: no file {path}")
        return path

    def _header(self, path: Path, what: str) -> GgufHeader:
        return self._headers(path, what)[0]

    def _headers(self, path: Path, what: str) -> tuple[GgufHeader, list[Path]]:
        try:
            return read_headers(path)
        except GgufError as error:
            raise BuildError(f"{what} {path}: {error}") from None
        except IsADirectoryError:
            raise BuildError(f"{what} {path}: is a folder; name the .gguf file in it") from None
        except OSError as error:
            raise BuildError(f"{what} {path}: {error.strerror}") from None

    def _add_file(self, role: Role, path: Path) -> None:
        self._tell(f"storing {path.name}")
        digest = self._store.content.blobs.write_file(path)
        self._add(role, digest)

    def _add(self, role: Role, digest: str) -> None:
        size = self._store.content.blobs.size(digest)
        self._layers.append((role, Descriptor(_TYPES[role], digest, size)))

    def _add_model(self, path: Path) -> None:
        header, files = self._headers(path, "FROM")
        if header.is_adapter:
            raise BuildError(f"FROM {path}: is an adapter; FROM takes the model, ADAPTER this file")
        self._config = ModelConfig(
            format="gguf",
            family=header.architecture,
            families=(header.architecture,),
            parameters=parameters_in_words(header.parameters),
            quantization=header.quantisation,
        )
        for file in files:
            self._add_file(Role.MODEL, file)

    def _add_adapter(self, path: Path) -> None:
        header = self._header(path, "ADAPTER")
        if not header.is_adapter:
            raise BuildError(f"ADAPTER {path}: is no adapter but a model")
        if self._config.family not in ("", header.architecture):
            raise BuildError(
                f"ADAPTER {path}: is for {header.architecture or 'nothing known'}, "
                f"the model is {self._config.family}"
            )
        self._add_file(Role.ADAPTER, path)

    def _add_projector(self, path: Path) -> None:
        header = self._header(path, "FROM")
        if header.architecture != "clip":
            raise BuildError(f"FROM {path}: a second model; only a projector can stand beside the first")
        self._add_file(Role.PROJECTOR, path)

    # ---- what an image brings

    def _take_base(self, base: StoredImage) -> None:
        image = self._store.model_image(base)
        self._tell(f"based on {base.reference.familiar}")
        raw = self._store.content.blobs.read(base.manifest.config.digest, LONGEST_TEXT)
        self._config = parse_config(raw, base.manifest.config.media_type)
        for part in image.parts:
            if part.member is not None:
                raise BuildError(
                    f"FROM {base.reference.familiar}: its {part.role} is in an archive; FROM the file"
                )
            kind = _TYPES.get(part.role, part.descriptor.media_type)
            layer = Descriptor(kind, part.descriptor.digest, part.descriptor.size)
            self._layers.append((part.role, layer))

    # ---- texts

    def _add_texts(self, modelfile: Modelfile) -> None:
        if modelfile.template is not None:
            try:
                parse_chat_template(modelfile.template)
            except TemplateError as error:
                raise BuildError(f"TEMPLATE: {error}; it is a template of Go's, as Ollama has them") from None
            self._replace(Role.TEMPLATE, modelfile.template.encode())
        if modelfile.system is not None:
            self._replace(Role.SYSTEM, modelfile.system.encode())
        if modelfile.parameters.values:
            base = parse_parameters(b"".join(self._texts(Role.PARAMS)))
            merged = merge_parameters(base, modelfile.parameters)
            self._replace(Role.PARAMS, emit_parameters(merged))
        if modelfile.messages:
            messages = [{"role": one.role, "content": one.content} for one in modelfile.messages]
            self._replace(Role.MESSAGES, f"{emit_go_json(messages)}\n".encode())
        for text in modelfile.licenses:
            self._add(Role.LICENSE, self._store.content.blobs.write(text.encode()))

    def _texts(self, role: Role) -> Iterable[bytes]:
        blobs = self._store.content.blobs
        return [blobs.read(layer.digest, LONGEST_TEXT) for one, layer in self._layers if one is role]

    def _replace(self, role: Role, text: bytes) -> None:
        self._layers = [one for one in self._layers if one[0] is not role]
        self._add(role, self._store.content.blobs.write(text))

    # ---- the whole

    def _finish(self, modelfile: Modelfile) -> Descriptor:
        order = list(_TYPES)
        known = sorted(
            self._layers, key=lambda one: order.index(one[0]) if one[0] in order else len(order)
        )  # stable: adapters keep their order
        layers = _unique([layer for _, layer in known])
        config = ModelConfig(
            format=self._config.format,
            family=self._config.family,
            families=self._config.families,
            parameters=self._config.parameters,
            quantization=self._config.quantization,
            renderer=modelfile.renderer or self._config.renderer,
            parser=modelfile.parser or self._config.parser,
            requires=modelfile.requires or self._config.requires,
        )
        raw = emit_config(config, [layer.digest for layer in layers])
        blobs = self._store.content.blobs
        descriptor = Descriptor(DOCKER_CONFIG, blobs.write(raw), len(raw))
        self._tell("writing the manifest")
        return self._store.content.write_manifest(emit_manifest(descriptor, layers))


def _unique(layers: Sequence[Descriptor]) -> list[Descriptor]:
    return list({(layer.media_type, layer.digest): layer for layer in layers}.values())
