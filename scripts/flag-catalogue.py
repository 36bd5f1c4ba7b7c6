"""Prints what an installed engine takes on its command line, read from its own parser: flag-catalogue.py vllm|sglang

Run by scripts/flag-catalogue.mjs, with the Python that the engine is installed for.
"""

import argparse
import ast
import dataclasses
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import logging
import re
import sys
import typing
from pathlib import Path

# A catalogue is for AMD GPUs: it lists what the engine's own ROCm code takes.
PLATFORM = "rocm"

TYPES = {
    "int": "int",
    "float": "float",
    "str": "text",
    "nullable_str": "text",
    "parse_cuda_graph_backend_arg": "text",
    "loads": "json",
    "union_dict_and_str": "text",
    "json_list_type": "json",
    "parse_cuda_graph_config_arg": "object",
    "parse_dataclass": "object",
    "human_readable_int": "size",
    "human_readable_int_or_auto": "size",
}


def main():
    backend = sys.argv[1]
    # Engines print to stdout while they are imported; it is for the result.
    out, sys.stdout = sys.stdout, sys.stderr
    logging.disable(logging.WARNING)
    parser, values, nests = {"vllm": vllm, "sglang": sglang}[backend]()
    flags = [flag_of(action, parser, nests) for action in parser._actions if takes(action)]
    catalogue = {
        "backend": backend,
        "version": importlib.metadata.version(backend).split("+")[0],
        "platform": PLATFORM,
        "source": f"{backend} {importlib.metadata.version(backend)}, its own parser, imported by scripts/flag-catalogue.py",
        "flags": sorted(flags, key=lambda flag: flag["name"]),
        "values": values,
    }
    json.dump(catalogue, out)


def vllm():
    """With what vLLM checks only after it has parsed its arguments, and the keys of flags that take a structure."""
    from vllm.entrypoints.launchers.cli_args import make_arg_parser
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager
    from vllm.utils.argparse_utils import FlexibleArgumentParser
    from vllm.v1.attention.backends.registry import AttentionBackendEnum

    rocm = ast.parse(source_of("vllm.platforms.rocm"))
    named = {node.attr for node in ast.walk(rocm) if isinstance(node, ast.Attribute) and name_of(node.value) == "AttentionBackendEnum"}
    values = {
        "attention-backend": sorted(named & set(AttentionBackendEnum.__members__)),
        "quantization": constant_of(rocm, "supported_quantization"),
        "reasoning-parser": sorted(ReasoningParserManager.list_registered()),
        "tool-call-parser": sorted(ToolParserManager.list_registered()),
    }
    return make_arg_parser(FlexibleArgumentParser()), values, True


def sglang():
    """SGLang checks the names of its parsers when it parses; of attention backends it takes those of all platforms."""
    from sglang.srt.server_args import ServerArgs

    parser = argparse.ArgumentParser()
    ServerArgs.add_cli_args(parser)
    return parser, {"attention-backend": sections_of("sglang.srt.arg_groups.choices", "ATTENTION_BACKEND_CHOICES", ["Common", "AMD specific"])}, False


def takes(action):
    return any(name.startswith("--") for name in action.option_strings) and not isinstance(action, argparse._HelpAction)


def flag_of(action, parser, nests):
    """What differs from the usual is written down: a flag without `type` takes text, one without `nargs` takes one value."""
    names = [name[2:] for name in action.option_strings if name.startswith("--")]
    pair = isinstance(action, argparse.BooleanOptionalAction)
    flag = {"name": names[0], "kind": "pair" if pair else "switch" if action.nargs == 0 else "value"}
    aliases = [name for name in names[1:] if not (pair and name.startswith("no-"))]
    short = [name[1:] for name in action.option_strings if not name.startswith("--")]
    if aliases:
        flag["aliases"] = aliases
    if short:
        flag["short"] = short
    if flag["kind"] == "value":
        kind, optional = type_of(action.type)
        if kind != "text":
            flag["type"] = kind
        if optional:
            flag["optional"] = True
        if action.choices is not None:
            flag["choices"] = sorted(str(choice) for choice in action.choices)
        if action.nargs is not None:
            flag["nargs"] = action.nargs
        if nests and (kind in ("json", "object") or name_of_type(action.type) == "union_dict_and_str"):
            flag["keys"] = keys_of(structure_of(action.type)) or ["*"]
    if is_deprecated(action, parser):
        flag["deprecated"] = getattr(action, "new_flag", None) or one_line(action.help)
    return flag


def type_of(parse):
    """(kind, whether `None` is taken too) of an argparse type: engines wrap one function in another."""
    if parse is None:
        return "text", False
    name = name_of_type(parse)
    inner = [cell.cell_contents for cell in getattr(parse, "__closure__", None) or () if callable(cell.cell_contents)]
    if name in ("_optional_type", "_parse_type") and len(inner) == 1:
        kind, optional = type_of(inner[0])
        return kind, optional or name == "_optional_type"
    if name == "<lambda>":
        return "text", False
    if name not in TYPES:
        sys.exit(f"flag-catalogue.py: it does not know how {parse!r} reads a value: add it to TYPES")
    return TYPES[name], False


def name_of_type(parse):
    return getattr(parse, "__name__", "")


def structure_of(parse):
    """The dataclass that a value is read into, if any."""
    name = name_of_type(parse)
    if name == "parse_dataclass":
        return inspect.signature(parse).parameters["cls"].default
    inner = [cell.cell_contents for cell in getattr(parse, "__closure__", None) or () if callable(cell.cell_contents)]
    return structure_of(inner[0]) if name in ("_optional_type", "_parse_type") and len(inner) == 1 else None


def keys_of(structure):
    """Dotted paths of its fields; `x.*` is a field that takes any key."""
    if structure is None:
        return []
    hints = typing.get_type_hints(structure)
    keys = []
    for field in dataclasses.fields(structure):
        if not field.init:
            continue
        parts = parts_of(hints[field.name])
        nested = next((part for part in parts if dataclasses.is_dataclass(part)), None)
        keys.append(field.name)
        if nested is not None:
            keys += [f"{field.name}.{key}" for key in keys_of(nested)]
        elif any(part is dict or typing.get_origin(part) is dict or part is typing.Any for part in parts):
            keys.append(f"{field.name}.*")
    return sorted(keys)


def parts_of(hint):
    """What a union is made of; `Annotated` is looked through."""
    if typing.get_origin(hint) is typing.Annotated:
        return parts_of(typing.get_args(hint)[0])
    options = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Union or type(hint).__name__ == "UnionType":
        return [part for option in options for part in parts_of(option)]
    return [hint]


def is_deprecated(action, parser):
    if action in getattr(parser, "_deprecated", ()) or "Deprecated" in type(action).__name__:
        return True
    return re.match(r"\W*deprecated\b|.*--\S+ is deprecated", one_line(action.help), re.IGNORECASE) is not None


def one_line(text):
    return " ".join((text or "").split())


def source_of(module):
    """Found without importing it: a platform's module may need its hardware."""
    return Path(importlib.util.find_spec(module).origin).read_text()


def name_of(node):
    return node.id if isinstance(node, ast.Name) else None


def constant_of(tree, name):
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            if any(name_of(target) == name for target in targets):
                return sorted(ast.literal_eval(node.value))
    sys.exit(f"flag-catalogue.py: there is no {name}")


def sections_of(module, name, wanted):
    """Members of a list that its source divides by comments on lines of their own."""
    body = re.search(rf"^{name} = \[\n(.*?)^\]", source_of(module), re.MULTILINE | re.DOTALL).group(1)
    section, found, seen = None, [], set()
    for line in body.splitlines():
        if match := re.match(r"\s*# (.*)", line):
            section = match.group(1)
            seen.add(section)
        elif section in wanted and "Deprecated" not in line:
            found.append(ast.literal_eval(line.strip().split(",")[0]))
    if not seen.issuperset(wanted):
        sys.exit(f"flag-catalogue.py: {name} has the sections {sorted(seen)}, not {wanted}")
    return sorted(found)


main()
