"""The files outside a template that it names by path: what they hold is part of what it means."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow.fs as fs

from smt.storage import filesystem_of
from smt.template.template import Template

MISSING = "missing"


def named_files(template: Template) -> tuple[str, ...]:
    """Paths or URIs of its table of importance, its side tables, and a teacher of one's own."""
    importance, teacher = template.features.selection.importance, template.data.distillation
    files = [] if importance is None else [importance]
    files += [enrichment.table for enrichment in template.data.enrichments]
    if teacher is not None and "/" in teacher.teacher:
        files.append(f"{teacher.teacher}/v{teacher.version}.yaml")
    return tuple(files)


@dataclass
class FileDigests:
    """Digests of the files that a run depends on, each file read once: one for a run."""

    _known: dict[str, str] = field(default_factory=dict)

    def of(self, *templates: Template | None) -> dict[str, str]:
        """File -> digest of its content, of all files that any of the templates names."""
        named = [named_files(template) for template in templates if template is not None]
        return self.of_files(file for files in named for file in files)

    def of_files(self, files: Iterable[str]) -> dict[str, str]:
        """File -> digest of its content; of files that something else than a template names."""
        digests = {}
        for file in files:
            if file not in self._known:
                self._known[file] = _digest(file)
            digests[file] = self._known[file]
        return digests

    def of_run(
        self, *templates: Template | None, others: Iterable[str] = ()
    ) -> dict[str, dict[str, str]]:
        """The same for what a run is known by: nothing where no file is named, as it ever was.

        Args:
            others: Files that templates do not name.
        """
        files = self.of(*templates) | self.of_files(others)
        return {"files": files} if files else {}


def _digest(location: str) -> str:
    """Of a file, or of all files of a folder with their names; what is not there has its own."""
    filesystem, path = filesystem_of(location)
    info = filesystem.get_file_info(path)
    if info.type == fs.FileType.NotFound:
        return MISSING
    if info.type == fs.FileType.File:
        return _hash(filesystem, path).hexdigest()
    inside = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    whole = hashlib.sha256()
    for file in sorted(inside, key=lambda info: info.path):
        if file.type == fs.FileType.File:
            whole.update(file.path.removeprefix(path).encode())
            whole.update(_hash(filesystem, file.path).digest())
    return whole.hexdigest()


def _hash(filesystem: fs.FileSystem, path: str) -> "hashlib._Hash":
    with filesystem.open_input_stream(path, compression=None) as stream:
        return hashlib.file_digest(stream, "sha256")
