"""The verbs of ``gateway``: thin, each one a call and what is printed of it.

What is slow to load and only one verb needs is imported inside that verb.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any

import typer

from gateway import (
    cli_apply,
    cli_audit,
    cli_box,
    cli_cards,
    cli_lab,
    cli_plan,
    cli_secrets,
    cli_status,
    cli_try,
    features,
    tree,
)
from gateway.options import AsJson, OutFolder, SitePath
from gateway.policy import Flow
from gateway.profiles import profiles as known_profiles
from gateway.ready import ready, report

app = typer.Typer(
    help="A department server from one site description.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.command("apply")(cli_apply.apply_verb)
app.command("plan")(cli_plan.plan_verb)
app.command("verify")(cli_try.verify_verb)
app.command("try")(cli_try.try_verb)
app.command("cards")(cli_cards.cards_verb)
app.command("status")(cli_status.status_verb)
app.command("confirm")(cli_box.confirm_verb)
app.command("rollback")(cli_box.rollback_verb)
app.command("drift")(cli_box.drift_verb)
app.command("audit")(cli_audit.audit_verb)
app.command("ask")(cli_audit.ask_verb)
app.add_typer(cli_lab.app, name="lab")
app.add_typer(cli_secrets.app, name="secrets")
app.command("pack", hidden=True)(cli_apply.pack_verb)


@app.command()
def check(site: SitePath, as_json: AsJson = False) -> None:
    """Print every problem of a site description: FILE:LINE:COL, why, and how to mend it."""
    raise typer.Exit(report(site, as_json=as_json))


@app.command()
def schema(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="As a page for people: docs/site.md.")
    ] = False,
) -> None:
    """Print the JSON Schema of a site description, for editors."""
    if as_markdown:
        from gateway.manual import markdown

        print(markdown(), end="")
        return
    from gateway.schema import schema as schema_of_site

    _print_json(schema_of_site())


@app.command()
def policy(site: SitePath, as_json: AsJson = False) -> None:
    """Print who may open what to whom, and the line that asked for it."""
    loaded = ready(site)
    flows = features.policy(loaded.site, loaded.source.line)
    rows = [
        {
            "source": flow.source.name,
            "destination": flow.destination.name,
            "service": flow.service.name,
            "ports": str(flow.service),
            "reason": str(flow.reason),
            "feature": flow.feature,
            "note": flow.note,
            "owner": flow.owner,
            "expires": str(flow.expires or ""),
        }
        for flow in flows
    ]
    if as_json:
        _print_json(rows)
    else:
        for row, flow in zip(rows, flows, strict=True):
            row["note"] = _said_of(flow)
        _print_table(
            ("source", "destination", "service", "ports", "reason", "feature", "note"), rows
        )


def _said_of(flow: Flow) -> str:
    """The description's own words: why, who answers for it, until when."""
    over = " (OVER)" if flow.expired(date.today()) else ""
    until = f"until {flow.expires}{over}" if flow.expires else ""
    return "; ".join(filter(None, (flow.note, flow.owner and f"owner: {flow.owner}", until)))


@app.command()
def render(
    site: SitePath,
    out: OutFolder,
) -> None:
    """Write everything that goes onto the box to DIR/HOST, whole or not at all."""
    loaded = ready(site)
    made = features.tree_of(loaded.site, loaded.source.line)
    print(f"{tree.write(made, out)}: {len(made.files)} files")


@app.command()
def profiles(as_json: AsJson = False) -> None:
    """Print the device profiles there are, and what each can speak."""
    known = known_profiles()
    if as_json:
        _print_json({name: each.model_dump() for name, each in known.items()})
        return
    rows = [
        {"profile": name, "title": each.title, "system": each.system, "speaks": each.speaks}
        for name, each in known.items()
    ]
    _print_table(("profile", "title", "system", "speaks"), rows)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _print_table(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> None:
    """Columns as wide as their widest entry; the last one ends where it ends."""
    lines = [[column.upper() for column in columns]]
    lines += [[row[column] for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        cells = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
