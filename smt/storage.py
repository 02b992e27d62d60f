"""A folder that is written atomically: on a local disk, or any store that pyarrow knows."""

import errno
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

from smt.errors import InputError, StoppedError

LOCK = ".lock"
# Of files that are written together.
THREADS = 8


def filesystem_of(location: str) -> tuple[fs.FileSystem, str]:
    """The file system of a local path or URI, and the path there."""
    if "://" in location:
        filesystem, path = fs.FileSystem.from_uri(location)
        return filesystem, str(path)
    return fs.LocalFileSystem(), str(Path(location).absolute())


class Folder:
    """Files under one local path or URI (`s3://bucket/run`, `gs://…`).

    A file appears whole or not at all. On a local disk it is synced before it appears; an
    object store makes an object visible when its upload ends.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        self._filesystem, self._root = filesystem_of(self.location)
        self._is_local = isinstance(self._filesystem, fs.LocalFileSystem)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Held by one process at a time, and free once it ends, however it ends.

        On a local disk only: object stores have no locks.

        Raises:
            InputError: Another process has it, or it cannot be made.
        """
        if not self._is_local:
            yield
            return
        lock = FileLock(f"{self._root}/{LOCK}", blocking=False, thread_local=False)
        try:
            self._filesystem.create_dir(self._root, recursive=True)
            lock.acquire()
        except Timeout:
            raise InputError(
                f"{self.location}: another process is at work there; wait until it ends, or "
                "choose another --out"
            ) from None
        except OSError as error:
            raise InputError(
                f"{self.location}: cannot be written to: {error.strerror or error}; choose "
                "another --out"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def path(self, name: str) -> str:
        """How a person would name a file of the folder."""
        return f"{self.location.rstrip('/')}/{name}"

    def address(self, name: str) -> str:
        """How any process finds a file of the folder: an absolute path or a URI."""
        return f"{self._root}/{name}" if self._is_local else self.path(name)

    def exists(self, name: str) -> bool:
        """Whether the folder has this file."""
        info = self._filesystem.get_file_info(f"{self._root}/{name}")
        return bool(info.type != fs.FileType.NotFound)

    def subfolders(self) -> tuple[str, ...]:
        """Names, sorted, of the folders right in it."""
        inside = self._filesystem.get_file_info(fs.FileSelector(self._root, allow_not_found=True))
        folders = (info for info in inside if info.type == fs.FileType.Directory)
        return tuple(sorted(info.base_name for info in folders))

    def list(self, under: str = "", suffix: str = "", *, recursive: bool = True) -> list[str]:
        """Names, sorted, of the files below a subfolder, or right in it, that end in `suffix`."""
        base = f"{self._root}/{under}".rstrip("/")
        selector = fs.FileSelector(base, allow_not_found=True, recursive=recursive)
        return sorted(
            info.path.removeprefix(self._root).lstrip("/")
            for info in self._filesystem.get_file_info(selector)
            if info.type == fs.FileType.File
            and info.path.endswith(suffix)
            and info.base_name != LOCK
        )

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        with self._filesystem.open_input_file(f"{self._root}/{name}") as stream:
            return bytes(stream.read())

    def write(self, name: str, file_bytes: bytes) -> None:
        """Write a file, replacing one of this name.

        Raises:
            InputError: The name leads out of the folder.
            StoppedError: The disk or the store does not take it; the old file is still there.
        """
        target = self._inside(name)
        try:
            if self._is_local:
                self._replace(target, file_bytes)
            else:
                with self._filesystem.open_output_stream(target) as stream:
                    stream.write(file_bytes)
        except OSError as error:
            raise StoppedError(f"{self.path(name)}: {_cannot(error)}") from error

    def create(self, name: str, file_bytes: bytes) -> None:
        """Write a file that is not there yet.

        On a local disk one of several processes does; object stores have no such promise.

        Raises:
            InputError: It is there, or the name leads out of the folder.
            StoppedError: The disk or the store does not take it.
        """
        target = Path(self._inside(name))
        taken = InputError(f"{self.path(name)}: is there already, and is not written over")
        if self.exists(name):
            raise taken
        if self._is_local:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch(exist_ok=False)
            except FileExistsError:
                raise taken from None
            except OSError as error:
                raise StoppedError(f"{self.path(name)}: {_cannot(error)}") from error
        self.write(name, file_bytes)

    def clear(self, under: str) -> None:
        """Remove a subfolder with everything in it, where there is one."""
        place = self._inside(under)
        if self.exists(under):
            self._filesystem.delete_dir(place)

    def move(self, under: str, to: str) -> None:
        """Make a subfolder another one, in place of what is there.

        On a local disk at once. In an object store file by file, and the first subfolder is there
        until all are: what was interrupted is moved again.

        Raises:
            InputError: A name leads out of the folder.
            StoppedError: The disk or the store does not take it.
        """
        source, target = self._inside(under), self._inside(to)
        self.clear(to)
        try:
            if self._is_local:
                os.rename(source, target)
            else:
                names = self.list(under)
                moved = {f"{to}{name.removeprefix(under)}": self.read(name) for name in names}
                self.write_all(moved)
                self.clear(under)
        except OSError as error:
            raise StoppedError(f"{self.path(to)}: {_cannot(error)}") from error

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

    def _inside(self, name: str) -> str:
        """Where a file is. Raises `InputError` for a name that leads out of the folder."""
        parts = name.split("/")
        if "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
            raise InputError(f"{self.location}: {name!r} is no name of a file in it")
        return f"{self._root}/{name}"

    def _replace(self, target: str, file_bytes: bytes) -> None:
        parent = target.rsplit("/", 1)[0]
        self._filesystem.create_dir(parent, recursive=True)
        partial = f"{parent}/.{uuid4().hex}.partial"
        try:
            with open(partial, "wb") as stream:
                stream.write(file_bytes)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise


def _cannot(error: OSError) -> str:
    """Why a file is not written, and what to do."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = f"cannot be written: {error.strerror or error}; mend that"
    what = "the disk is full; free some space" if full else reason
    return f"{what}, then start again, with --resume where a run had begun"
