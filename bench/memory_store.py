"""A store without a database: what a turn costs when nothing is written down but the picture."""

import hashlib
from pathlib import Path

from agent.schema import Blob


class MemoryStore:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.by_session, self.all_turns, self.all_images = {}, [], []

    async def create_session(self, session):
        self.by_session[session.id] = session
        return session

    async def session(self, ref):
        return self.by_session[ref]

    async def sessions(self, *, cwd=None, limit=100):
        return list(self.by_session.values())

    async def turns(self, session):
        return self.all_turns

    async def images(self, session):
        return self.all_images

    async def image(self, ref):
        return next(i for i in self.all_images if i.id == ref)

    async def open_turn(self, turn):
        pass

    async def close_turn(self, turn, *, expected_head):
        self.all_turns.append(turn)
        old = self.by_session[turn.session]
        self.by_session[turn.session] = old.model_copy(update={"head": turn.id})
        return True

    async def put_blob(self, data, *, media_type, size):
        sha = hashlib.sha256(data).hexdigest()
        self.blob_path(sha, media_type).write_bytes(data)
        width, height = size or (None, None)
        return Blob(sha256=sha, media_type=media_type, bytes=len(data), width=width, height=height)

    async def read_blob(self, sha256):
        return self.blob_path(sha256, "").read_bytes()

    def blob_path(self, sha256, media_type):
        return self.root / sha256

    async def add_image(self, new):
        image = new.image.model_copy(update={"number": len(self.all_images) + 1})
        self.all_images.append(image)
        return image

    async def save_partial(self, turn, index, data, media_type):
        path = self.root / f"partial-{index}"
        path.write_bytes(data)
        return path

    async def reserve(self, attempt, *, caps):
        return None

    async def mark_sent(self, attempt, *, at, bytes_sent):
        pass

    async def settle(self, attempt):
        pass

    async def add_verdict(self, verdict, *, at, session, turn, user):
        pass

    async def aclose(self):
        pass


async def open_memory(settings, **_):
    return MemoryStore(settings.data_dir / "memory")
