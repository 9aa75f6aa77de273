"""Finds a plugin's module and runs its init function, once at the start."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from types import ModuleType

from ksmppd_py.config import KsmppdPlugin
from ksmppd_py.errors import StartError
from ksmppd_py.plugins.context import PluginContext

logger = logging.getLogger(__name__)


def load_plugin(group: KsmppdPlugin) -> PluginContext:
    """Import a .py file or a module by its name, and let it set its functions. Raises StartError."""
    plugin_id, path, name = group.id, group.path, group.init_function
    context = PluginContext(plugin_id, group.args)
    try:
        module = _module(plugin_id, path)
        init = getattr(module, name, None)
        if not callable(init):
            raise StartError(f"Plugin '{plugin_id}': {path} has no function {name}(context)")
        init(context)
    except StartError:
        raise
    except Exception as error:
        logger.exception("Plugin '%s' can't be loaded", plugin_id)
        reason = f"{type(error).__name__}: {error}"
        raise StartError(f"Plugin '{plugin_id}': {path} can't be loaded: {reason}") from error
    logger.info("Plugin '%s' loaded from %s", plugin_id, path)
    return context


def _module(plugin_id: str, path: str) -> ModuleType:
    if not path.endswith(".py"):
        return importlib.import_module(path)
    if not os.path.isfile(path):
        raise StartError(f"Plugin '{plugin_id}': there is no file {path}")
    name = "ksmppd_plugin_" + "".join(char if char.isalnum() else "_" for char in plugin_id)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    spec.loader.exec_module(module)
    return module
