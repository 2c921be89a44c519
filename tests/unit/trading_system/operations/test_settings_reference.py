"""The generated settings reference names every setting, never a secret, and is the one in the repository."""

from __future__ import annotations

from pathlib import Path

from shared.settings import load_settings, variables_of
from trading_system.operations.settings_reference import env_example, settings_classes, settings_page

ROOT = Path(__file__).resolve().parents[4]


def test_the_committed_files_are_up_to_date():
    assert (ROOT / ".env.example").read_text() == env_example(), "run `make docs`"
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page(), "run `make docs`"


def test_every_setting_is_explained():
    missing = [
        f"{cls.__name__}.{field}"
        for cls in settings_classes()
        for field in cls.model_fields
        if not any(field in str(one.__doc__) for one in cls.__mro__)
    ]
    assert missing == []


def test_the_example_lists_every_variable_of_every_service():
    text = env_example()
    names = [name for cls in settings_classes() for name in variables_of(cls) if not name.endswith("TOKEN_FILE")]
    assert [name for name in names if f"# {name}=" not in text and not name.endswith("_FILE")] == []


def test_every_default_of_the_example_is_accepted():
    environ = dict(
        line.removeprefix("# ").split("=", 1) for line in env_example().splitlines() if line.startswith("# THETAFLOW_")
    )
    for cls in settings_classes():
        assert load_settings(cls, environ) == cls()
