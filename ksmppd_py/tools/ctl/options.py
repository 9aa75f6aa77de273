"""The options that all subcommands have, and those that are made of the API's declarations."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from ksmppd_py.admin.api.models import Model
from ksmppd_py.tools.ctl.api_client import ApiClient
from ksmppd_py.tools.ctl.target import TargetOptions, find_target

F = TypeVar("F", bound=Callable[..., Any])
_DURATION = re.compile(r"(\d{1,8})([smhd]?)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass
class Context:
    """The common options, and the server that they name."""

    target: TargetOptions = field(default_factory=TargetOptions)
    as_json: bool = False

    @cached_property
    def api(self) -> ApiClient:
        """Return the client; asks for the password if nothing has it. Raises CtlError."""
        return ApiClient(find_target(self.target, os.environ))


pass_context = click.make_pass_decorator(Context, ensure=True)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    common = context.ensure_object(Context)
    if not value:
        return
    if parameter.name == "as_json":
        common.as_json = True
    else:
        setattr(common.target, str(parameter.name), value)


def _common(hidden: bool) -> list[click.Parameter]:
    shared: dict[str, Any] = {"expose_value": False, "callback": _remember}
    quiet = {**shared, "hidden": hidden}
    path = click.Path(dir_okay=False)
    return [
        click.Option(["-c", "--config"], type=path, metavar="FILE", help="the server's ksmppd.conf", **quiet),
        click.Option(["--url"], metavar="URL", help="its administration port: http://host:14010", **quiet),
        click.Option(["--user"], metavar="NAME", help="username of the operator, else admin", **quiet),
        click.Option(
            ["--password-file"], type=path, metavar="FILE", help="its first line; - is stdin", **quiet
        ),
        click.Option(["--ca-file"], type=path, metavar="FILE", help="trust these authorities", **quiet),
        click.Option(["--insecure"], is_flag=True, help="trust any certificate", **quiet),
        click.Option(["--json", "as_json"], is_flag=True, help="print JSON", **shared),
    ]


class Command(click.Command):
    """A subcommand, which takes the common options too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.extend(_common(hidden=True))


class Group(click.Group):
    """A group of subcommands; a mistyped one is answered with the nearest."""

    command_class = Command
    group_class = type

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See click.Group."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.list_commands(ctx))}"
            ctx.fail(f"no such command {args[0]!r}, {hint}")
        return super().resolve_command(ctx, args)


class ListingGroup(Group):
    """A group that does its subcommand `list` when it stands alone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.update(invoke_without_command=True, callback=self._list)
        super().__init__(*args, **options)
        self.params.extend(_common(hidden=True))

    def _list(self) -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            context.invoke(self.commands["list"])


class RootGroup(Group):
    """The program itself."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.extend(_common(hidden=False))


class SettingType(click.ParamType):  # type: ignore[type-arg]
    """The values of one field of the API, read as the API reads it; an empty one clears a field that may be null."""

    def __init__(self, model: type[Model], name: str) -> None:
        self._model = model
        self._field = name
        annotation = str(model.model_fields[name].annotation)
        self.name = "number" if "float" in annotation else "integer" if "int" in annotation else "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click.ParamType."""
        if value == "" and may_be_null(self._model, self._field):
            return None
        try:
            return read_setting(self._model, self._field, value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def may_be_null(model: type[Model], name: str) -> bool:
    """Whether a field of the API may be null."""
    return "None" in str(model.model_fields[name].annotation)


def read_setting(model: type[Model], name: str, value: Any, *, is_text: bool = True) -> Any:
    """Return the value of one field as the API reads it; `is_text`: from text. Raises ValueError with the reason.

    All fields of `model` must have defaults.
    """
    read = model.model_validate_strings if is_text else model.model_validate
    try:
        return getattr(read({name: value}), name)
    except ValueError as error:  # pydantic's
        raise ValueError(error.errors()[0]["msg"]) from None  # type: ignore[attr-defined]


def setting_options(model: type[Model], partial: type[Model] | None = None) -> Callable[[F], F]:
    """Return a decorator that adds an option for each field of a model of the API.

    `partial` is the model without fields that are needed, which reads a single value; `model` itself if absent.
    """

    def add(function: F) -> F:
        for name, info in reversed(model.model_fields.items()):
            option = f"--{name.replace('_', '-')}"
            if info.annotation is bool:
                decorator = click.option(
                    f"{option}/--no-{option[2:]}", name, default=None, help=info.description
                )
            else:
                decorator = click.option(
                    option, name, type=SettingType(partial or model, name), help=info.description
                )
            function = decorator(function)
        return function

    return add


def given_settings(names: dict[str, Any]) -> dict[str, Any]:
    """Return those of the current command's parameters that stand on its command line."""
    source = click.get_current_context().get_parameter_source
    return {name: value for name, value in names.items() if source(name) is ParameterSource.COMMANDLINE}


class Duration(click.ParamType):  # type: ignore[type-arg]
    """A time as 90, 90s, 15m, 2h or 7d; its value is seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click.ParamType."""
        if isinstance(value, int):
            return value
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no time: 90, 90s, 15m, 2h, 7d", param, ctx)
        return int(found[1]) * _UNITS[found[2]]
