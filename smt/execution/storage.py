"""A folder that is written atomically: on a local disk, or any store that pyarrow knows."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from smt.errors import InputError

LOCK = ".lock"
# Of files that are written together.
THREADS = 8


class Folder:
    """Files under one local path or URI (`s3://bucket/run`, `gs://…`).

    A file appears whole or not at all. On a local disk it is synced before it appears; an
    object store makes an object visible when its upload ends.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        if "://" in self.location:
            self._filesystem, self._root = fs.FileSystem.from_uri(self.location)
        else:
            self._filesystem, self._root = fs.LocalFileSystem(), str(Path(location).absolute())
        self._is_local = isinstance(self._filesystem, fs.LocalFileSystem)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Held by one process at a time, and free once it ends, however it ends.

        On a local disk only: object stores have no locks.

        Raises:
            InputError: Another process has it.
        """
        if not self._is_local:
            yield
            return
        self._filesystem.create_dir(self._root, recursive=True)
        lock = FileLock(f"{self._root}/{LOCK}", blocking=False, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise InputError(
                f"{self.location}: another process is at work there; wait until it ends, or "
                "choose another --out"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def path(self, name: str) -> str:
        """How a person would name a file of the folder."""
        return f"{self.location.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """Whether the folder has this file."""
        info = self._filesystem.get_file_info(f"{self._root}/{name}")
        return bool(info.type != fs.FileType.NotFound)

    def list(self, under: str = "", suffix: str = "") -> list[str]:
        """Names, sorted, of the files below a subfolder that end in `suffix`."""
        base = f"{self._root}/{under}".rstrip("/")
        selector = fs.FileSelector(base, allow_not_found=True, recursive=True)
        return sorted(
            info.path.removeprefix(self._root).lstrip("/")
            for info in self._filesystem.get_file_info(selector)
            if info.type == fs.FileType.File
            and info.path.endswith(suffix)
            and info.base_name != LOCK
        )

    def read(self, name: str) -> bytes:
        """The content of a file."""
        with self._filesystem.open_input_file(f"{self._root}/{name}") as stream:
            return bytes(stream.read())

    def write(self, name: str, content: bytes) -> None:
        """Write a file, replacing one of this name."""
        target = f"{self._root}/{name}"
        parent = target.rsplit("/", 1)[0]
        if not self._is_local:
            with self._filesystem.open_output_stream(target) as stream:
                stream.write(content)
            return
        self._filesystem.create_dir(parent, recursive=True)
        partial = f"{parent}/.{uuid4().hex}.partial"
        with open(partial, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, target)

    def write_all(self, contents: Mapping[str, bytes]) -> None:
        """Write files together: a disk syncs many in little more time than one.

        Where one fails, others may be there.
        """
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self.write, contents.keys(), contents.values()))

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write a Parquet file."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        self.write(name, sink.getvalue().to_pybytes())

    def read_table(self, name: str) -> pa.Table:
        """Read a Parquet file."""
        return pq.read_table(pa.BufferReader(self.read(name)))
