"""Says of each command line whether the engine's own parser takes it: argv-judge.py vllm|sglang

Reads one JSON array of arguments a line, those after the program's name, and prints a line for each: null, or what the parser says.
"""

import argparse
import contextlib
import io
import json
import logging
import sys


def vllm():
    """As `vllm serve` does it, up to the start of the engine; and the names that vLLM looks up only then."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.cli.serve import ServeSubcommand
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager
    from vllm.utils.argparse_utils import FlexibleArgumentParser
    from vllm.v1.attention.backends.registry import AttentionBackendEnum

    parser = FlexibleArgumentParser(prog="vllm")
    command = ServeSubcommand()
    command.subparser_init(parser.add_subparsers(required=True, dest="subparser"))

    def judge(argv):
        args = parser.parse_args(argv)
        command.validate(args)
        AsyncEngineArgs.from_cli_args(args)
        if args.tool_call_parser is not None:
            ToolParserManager.get_tool_parser(args.tool_call_parser)
        if args.reasoning_parser:
            ReasoningParserManager.get_reasoning_parser(args.reasoning_parser)
        if args.attention_backend is not None:
            AttentionBackendEnum[args.attention_backend]

    return judge


def sglang():
    """As `sglang serve` does it, up to what needs a GPU and the model's files."""
    from sglang.srt.server_args import ServerArgs

    parser = argparse.ArgumentParser(prog="sglang serve")
    ServerArgs.add_cli_args(parser)

    def judge(argv):
        command, *rest = argv
        if command != "serve":
            raise ValueError(f"no command {command}")
        ServerArgs.from_cli_args(parser.parse_args(rest))

    return judge


def verdict(judge, argv):
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            judge(argv)
        return None
    except SystemExit:
        _, _, problem = said.getvalue().rpartition("error: ")
        return problem.strip()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main():
    # Engines print to stdout while they are imported; it is for the verdicts.
    out, sys.stdout = sys.stdout, sys.stderr
    logging.disable(logging.WARNING)
    judge = {"vllm": vllm, "sglang": sglang}[sys.argv[1]]()
    for line in sys.stdin:
        print(json.dumps(verdict(judge, json.loads(line))), file=out, flush=True)


main()
