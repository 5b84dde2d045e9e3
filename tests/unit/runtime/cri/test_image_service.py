from __future__ import annotations

import json

import grpc
import pytest

from runtime.api import cri_pb2 as api

from .conftest import InRig, Rig

pytestmark = pytest.mark.loopback


def test_images(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        async def listed(name: str = "") -> list[str]:
            request = api.ListImagesRequest(filter=api.ImageFilter(image=api.ImageSpec(image=name)))
            return [one.id for one in (await rig.images.ListImages(request)).images]

        (image,) = await listed()
        assert await listed("tiny") == [image] and await listed("other") == []
        request = api.ImageStatusRequest(image=api.ImageSpec(image="tiny"), verbose=True)
        found = await rig.images.ImageStatus(request)
        assert found.image.id == image and json.loads(found.info["manifest"])["schemaVersion"] == 2
        request = api.ImageStatusRequest(image=api.ImageSpec(image="other"))
        assert not (await rig.images.ImageStatus(request)).HasField("image")
        usage = (await rig.images.ImageFsInfo(api.ImageFsInfoRequest())).image_filesystems[0]
        assert usage.used_bytes.value > 0 and usage.fs_id.mountpoint == str(rig.folder / "store/content")
        pull = api.PullImageRequest(image=api.ImageSpec(image="tiny"))
        assert (await rig.images.PullImage(pull)).image_ref == image
        for _ in range(2):
            await rig.images.RemoveImage(api.RemoveImageRequest(image=api.ImageSpec(image="tiny")))
        assert await listed() == []

    in_rig(main)


def test_refusals_are_one_line(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        for name, code in (
            ("", grpc.StatusCode.INVALID_ARGUMENT),
            ("UPPER", grpc.StatusCode.INVALID_ARGUMENT),
            ("127.0.0.1:1/none", grpc.StatusCode.UNKNOWN),
        ):
            pull = api.PullImageRequest(image=api.ImageSpec(image=name))
            assert (await rig.refused(rig.images.PullImage(pull)))[0] == code

    in_rig(main)


def test_an_image_that_is_served_goes_on_when_it_is_removed(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        container = await rig.create(pod)
        (image,) = rig.node.images.all()
        assert rig.node.images.store.users(image.digest) == ["container main of pod n/pod1"]
        await rig.images.RemoveImage(api.RemoveImageRequest(image=api.ImageSpec(image="tiny")))
        await rig.start(container)
        await rig.serves(pod)

    in_rig(main)
