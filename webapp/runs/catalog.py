"""The node catalog as one workspace sees it: all kinds of node, and the files that it can choose."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags

from engine import api as engine
from webapp.assets.selectors import AssetNames
from webapp.runs.default_graph import default_workflow
from webapp.workspaces.models import Workspace

INPUT_FOLDER = "input:"
CHECKPOINTS = "checkpoints"


class WorkspaceFiles:
    """The files that graphs of a workspace may name: its assets, and the model files of the instance."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._models = model_folders()

    def names(self, folder: str) -> Collection[str]:
        """The names in `folder`: "checkpoints" and the like, "input:image", "input:latent"."""
        if folder.startswith(INPUT_FOLDER):
            return AssetNames(self._workspace, folder.removeprefix(INPUT_FOLDER))
        return self._models.names(folder)


@dataclass(frozen=True)
class CatalogDocument:
    """A rendered catalog and its ETag."""

    body: bytes
    etag: str

    def answer(self, if_none_match: str | None) -> HttpResponse:
        """The document, or 304 when the caller has it."""
        is_known = self.etag in parse_etags(if_none_match or "")
        response = (
            HttpResponseNotModified()
            if is_known
            else HttpResponse(self.body, content_type="application/json")
        )
        response.headers["ETag"] = self.etag
        response.headers["Cache-Control"] = "private, no-cache"
        return response


def catalog_for(workspace: Workspace) -> CatalogDocument:
    """The catalog document of `workspace`."""
    catalog = engine.load_catalog()
    files = WorkspaceFiles(workspace)
    listed = {folder: list(files.names(folder)) for folder in _folders_of(catalog)}
    document = {
        **catalog.to_json(),
        "files": listed,
        "default_workflow": default_workflow(listed.get(CHECKPOINTS, [])),
    }
    body = json.dumps(document, ensure_ascii=False).encode()
    return CatalogDocument(body, f'"{hashlib.sha256(body).hexdigest()}"')


def _folders_of(catalog: engine.Catalog) -> list[str]:
    inputs = (entry for schema in catalog.nodes.values() for entry in schema.inputs)
    return sorted({entry.files for entry in inputs if entry.files})


def model_folders() -> engine.ModelFolders:
    """The instance's model files."""
    root: Path = settings.MODELS_ROOT
    return engine.ModelFolders((root,))
