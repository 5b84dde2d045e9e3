"""Media types of manifests, configurations and layers, in all ecosystems that are read.

Sources: OCI image specification, media-types.md; Docker's image manifest v2, schema 2; Ollama
manifest/layer.go; docker/model-runner pkg/distribution/types; CNCF ModelPack model-spec docs/spec.md.
"""

from __future__ import annotations

from enum import StrEnum

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MANIFESTS = (DOCKER_MANIFEST, OCI_MANIFEST)
INDEXES = (DOCKER_LIST, OCI_INDEX)

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
MODEL_RUNNER_CONFIGS = (
    "application/vnd.docker.ai.model.config.v0.1+json",
    "application/vnd.docker.ai.model.config.v0.2+json",
)
MODELPACK_CONFIG = "application/vnd.cncf.model.config.v1+json"
MODELPACK_ARTIFACTS = (
    "application/vnd.cncf.model.manifest.v1+json",
    "application/vnd.cnai.model.manifest.v1+json",
)

OLLAMA = "application/vnd.ollama.image."
OLLAMA_MODEL = f"{OLLAMA}model"
OLLAMA_TEMPLATE = f"{OLLAMA}template"
OLLAMA_SYSTEM = f"{OLLAMA}system"
OLLAMA_PARAMS = f"{OLLAMA}params"
OLLAMA_MESSAGES = f"{OLLAMA}messages"
OLLAMA_LICENSE = f"{OLLAMA}license"
OLLAMA_ADAPTER = f"{OLLAMA}adapter"
OLLAMA_PROJECTOR = f"{OLLAMA}projector"

SPLIT_WEIGHTS = (f"{OLLAMA}tensor", f"{OLLAMA}json")
"""Weights that are no GGUF: safetensors in Ollama's pieces."""


class Role(StrEnum):
    """What a layer is for."""

    MODEL = "model"
    ADAPTER = "adapter"
    PROJECTOR = "projector"
    DRAFT = "draft"
    TEMPLATE = "template"
    """Go text/template."""
    CHAT_TEMPLATE = "chat_template"
    """Jinja."""
    SYSTEM = "system"
    PARAMS = "params"
    MESSAGES = "messages"
    LICENSE = "license"


SINGLE = frozenset({Role.TEMPLATE, Role.CHAT_TEMPLATE, Role.SYSTEM, Role.PARAMS, Role.MESSAGES})
"""Of these an image has one: a later layer takes an earlier one's place."""

ROLES: dict[str, Role] = {
    OLLAMA_MODEL: Role.MODEL,
    OLLAMA_ADAPTER: Role.ADAPTER,
    OLLAMA_PROJECTOR: Role.PROJECTOR,
    f"{OLLAMA}draft": Role.DRAFT,
    OLLAMA_TEMPLATE: Role.TEMPLATE,
    f"{OLLAMA}prompt": Role.TEMPLATE,  # an older name of it
    OLLAMA_SYSTEM: Role.SYSTEM,
    OLLAMA_PARAMS: Role.PARAMS,
    OLLAMA_MESSAGES: Role.MESSAGES,
    OLLAMA_LICENSE: Role.LICENSE,
    "application/vnd.docker.ai.gguf.v3": Role.MODEL,
    "application/vnd.docker.ai.gguf.v3.lora": Role.ADAPTER,
    "application/vnd.docker.ai.gguf.v3.mmproj": Role.PROJECTOR,
    "application/vnd.docker.ai.mmproj": Role.PROJECTOR,
    "application/vnd.docker.ai.chat.template.jinja": Role.CHAT_TEMPLATE,
    "application/vnd.docker.ai.license": Role.LICENSE,
    "application/vnd.cncf.model.weight.v1.raw": Role.MODEL,
    "application/vnd.cncf.model.weight.v1.gguf": Role.MODEL,
    "application/vnd.cnai.model.weight.v1.raw": Role.MODEL,
    "application/vnd.ramalama.model.gguf": Role.MODEL,
    "application/vnd.gguf": Role.MODEL,
    "application/gguf": Role.MODEL,
    "application/x-gguf": Role.MODEL,
}
"""Layer type to role, where the bytes of the layer are the file itself."""
