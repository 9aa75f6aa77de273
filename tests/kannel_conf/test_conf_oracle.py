"""Random files, read by us and by Kannel's own test_cfg (Debian package kannel-extras).

Where we differ on purpose the files don't go: NUL, byte order marks, `include` elsewhere than as a whole key,
files included twice, hidden files and backups in included directories.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kannel_conf import KANNEL_SINGLE, Findings, keep_last, read_groups

TEST_CFG = Path("/usr/lib/kannel/test/test_cfg")
KEYS = {
    "core": ("log-file", "store-file", "unified-prefix", "admin-port"),
    "smsc": ("smsc", "smsc-id", "host", "port"),
}
SHARED = {"core": (), "smsc": ("log-file", "unified-prefix")}
"""Keys of the other group that Kannel takes here too; an include can bring them."""
GROUP = re.compile(rb"DEBUG:   dumping group \((.*)\):$", re.DOTALL)
VALUE = re.compile(rb"DEBUG:     <([^<>=]*)> = <(.*)>$", re.DOTALL)

Groups = dict[str, list[dict[str, str]]]

pytestmark = pytest.mark.integration

blank = st.text(alphabet=" \t\v\f\r", max_size=3)
value = st.one_of(
    st.text(alphabet='ab"\\#= \t\v\r', max_size=12),
    st.text(alphabet='ab"\\ ', max_size=8).map(lambda text: f'"{text}"'),
    st.binary(max_size=6).map(lambda octets: octets.translate(None, b"\0\n").decode("latin-1")),
)
line_end = st.sampled_from(["\n"] * 8 + ["\r\n", "\\\n", "\\\\\n", "\\\\\\\n", "\\ \n", "\\\r\n"])


@st.composite
def key_line(draw: st.DrawFn, name: str) -> str:
    key = draw(st.sampled_from([*KEYS[name], *KEYS[name], "group"]))
    text = draw(st.sampled_from([name, f'"{name}"', f" {name}\t"]) if key == "group" else value)
    return draw(blank) + key + draw(blank) + "=" + text + draw(line_end)


@st.composite
def group(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(list(KEYS)))
    noise = st.one_of(
        st.builds(lambda before, text, end: before + "#" + text + end, blank, value, line_end),
        key_line(name),
        key_line(name),
    )
    lines = [f"group = {name}\n", *draw(st.lists(noise, max_size=6))]
    return "".join(draw(st.permutations(lines)))


separator = st.one_of(blank.map(lambda text: text + "\n"), st.just("\n\n"), st.just(" \\\n\n"))
body = st.lists(st.tuples(group(), separator), max_size=4).map(
    lambda parts: "".join(text for part in parts for text in part)
)


@st.composite
def files(draw: st.DrawFn) -> dict[str, str]:
    """Return file names and texts; `main` includes some of the others, each once."""
    found = {name: draw(body) for name in draw(st.sets(st.sampled_from(["inc1", "inc2", "dir/inc3"])))}
    main = draw(body)
    for name in found:
        end = draw(st.sampled_from(["\n", "\r\n", "\n\n", ""]))
        directive = f"{draw(blank)}include{draw(blank)}={draw(blank)}{name.split('/')[0]}{end}"
        starts = [
            spot.end() for spot in re.finditer(r"(?<!\\)\n", main)
        ]  # behind a backslash it is no directive
        where = draw(st.sampled_from([0, *starts]))
        main = main[:where] + directive + main[where:]
    if draw(st.booleans()):
        main = main.rstrip("\n")
    return found | {"main": main}


def of_kannel(directory: str) -> Groups | None:
    """Return what test_cfg dumps, None when it refuses the file."""
    if not TEST_CFG.exists():
        pytest.fail(f"{TEST_CFG} is missing, install the package kannel-extras")
    # It writes its dump to stderr, as log lines
    done = subprocess.run([TEST_CFG, "main"], cwd=directory, capture_output=True, check=False, timeout=10)
    if b"cfg_read returned 0" not in done.stderr:
        return None
    groups: Groups = {}
    for line in done.stderr.split(b"\n"):
        if found := GROUP.search(line):
            groups.setdefault(found[1].decode("latin-1"), []).append({})
            latest = groups[found[1].decode("latin-1")][-1]
        elif found := VALUE.search(line):
            latest[found[1].decode("latin-1")] = found[2].decode("latin-1")
    return groups


def of_ours(directory: str) -> Groups | None:
    """Return what we read, None when there is a problem or a name that Kannel doesn't know."""
    findings = Findings()
    before = os.getcwd()
    os.chdir(directory)
    try:
        found = keep_last(read_groups("main", findings), KANNEL_SINGLE, findings)
        everything = read_groups("main", Findings())
    finally:
        os.chdir(before)
    known = all(
        group.name in KEYS and group.values.keys() <= {"group", *KEYS[group.name], *SHARED[group.name]}
        for group in everything
    )
    if findings.errors or not known:
        return None
    groups: Groups = {}
    for group in found:
        texts = {
            key: text.encode("utf-8", "surrogateescape").decode("latin-1")
            for key, text in group.texts().items()
        }
        groups.setdefault(group.name, []).append(texts)
    return groups


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
@example({"main": "log-file=\ninclude=inc1\n", "inc1": "group = smsc\n"})
@example({"main": 'group = core\nlog-file = "a\\\n b"\\\\\nadmin-port = 1\\'})
@example(
    {"main": "group = core\ninclude = inc1\n", "inc1": "log-file = x\n\ngroup = smsc\nsmsc-id = \\\n\nhost=h"}
)
def test_we_read_what_kannel_reads(texts: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name, text in texts.items():
            path = Path(directory, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode("latin-1"))
        assert of_ours(directory) == of_kannel(directory)
