"""Stands in for packages that SGLang imports before it reads its arguments, and that reading them does not need."""

import importlib.abc
import importlib.machinery
import sys
import types

NAMES = {"IPython", "orjson", "triton"}


class Anything:
    """Takes any call; as a decorator it gives back what it decorates."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return args[0] if len(args) == 1 and callable(args[0]) and not kwargs else self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


class StandIn(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in NAMES else None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


# Last, so that an installed package goes before its stand-in.
sys.meta_path.append(StandIns())
