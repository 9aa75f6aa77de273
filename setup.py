"""Package metadata and dependencies; the tools' settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.findall(
    r'^__version__ = "(.+)"$', (HERE / "ksmppd_py/__init__.py").read_text("utf-8"), re.MULTILINE
)[0]
"""Stated once, in the package, which this file can't import: its libraries may not be there yet."""

# Lower bounds of what talks to others are above the last advisory: CVE-2026-69247 (cryptography), CVE-2026-25645
# (requests), CVE-2026-44431 (urllib3), CVE-2024-39689 (certifi).
RUNTIME = [
    "gevent>=24.2",
    "greenlet>=3.0",
    "SQLAlchemy>=2.0.30",
    "PyMySQL>=1.1.1",
    "psycopg[binary]>=3.2",
    "cryptography>=50.0.0",  # caching_sha2_password, the default of MySQL 8
    "bcrypt>=4.2",
    "bottle>=0.13",
    "itsdangerous>=2.1",  # cookies of browsers
    "pydantic>=2.9",  # the objects of the management API
    "requests>=2.33.0",
    "certifi>=2024.7.4",
    "urllib3>=2.7.0",
    "geventhttpclient>=2.5; python_version >= '3.11'",
    "geventhttpclient>=2.3.1; python_version < '3.11'",  # callbacks/parser.py knows its weakness
    "smpplib>=2.2.3",  # ksmppd-esme
    "tqdm>=4.66",  # its progress bar
    "click>=8.2",  # ksmppctl
    "google-re2>=1.1",
    "prometheus_client>=0.20",
]

DEVELOPMENT = [
    "pytest>=8.2",
    "pytest-split>=0.10",
    "coverage>=7.10",
    "hypothesis>=6.100",
    "schemathesis>=4.0",
    "selenium>=4.20",
    "mypy>=1.10",
    "ruff>=0.6",
    "import-linter>=2.1",
    "types-PyMySQL",
    "types-requests",
    "psutil>=5.9",
    "types-psutil",
    "PyYAML>=6",
    "types-PyYAML",
]

setup(
    name="ksmppd-py",
    version=VERSION,
    description="SMPP 3.4 server in front of Kannel's bearerbox, a drop-in successor of KSMPPD",
    long_description=(HERE / "README.md").read_text("utf-8") if (HERE / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(include=["ksmppd_py", "ksmppd_py.*", "kannel_conf", "kannel_conf.*"]),
    package_data={
        "ksmppd_py": ["py.typed", "admin/dashboard/*", "admin/dashboard/vendor/*"],
        "kannel_conf": ["py.typed"],
    },
    install_requires=RUNTIME,
    extras_require={"dev": DEVELOPMENT, "docs": ["mkdocs-material>=9.5"]},
    entry_points={
        "console_scripts": [
            "ksmppd = ksmppd_py.__main__:main",
            "ksmppd-esme = ksmppd_py.tools.esme:main",
            "ksmppctl = ksmppd_py.tools.ctl.main:main",
            "ksmppd-copy-database = ksmppd_py.tools.copy_database:main",
        ]
    },
)
