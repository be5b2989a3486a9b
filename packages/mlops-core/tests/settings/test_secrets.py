"""A secret is referred to, never held: a canary put into every place must come out nowhere."""

from __future__ import annotations

import json
import pickle
import tomllib
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import ConfigurationError
from mlops_core.secret import Secret, is_secret_key
from mlops_core.settings import Settings, load_settings, secrets_in

CANARY = "canary-7f3a"
REFERENCES = """
[backends.home]
adapter = "stranger"
token = { env = "HOME_TOKEN" }
auth = { db_password = { file = "password.txt" }, header = { env = "prod" } }
"""


def settings_of(folder: Path, text: str, **environ: str) -> Settings:
    (folder / "mlops.toml").write_text(text)
    return load_settings(start=folder, environ=environ)


def shown_by(error: BaseException) -> str:
    """Everything that a crash reporter could print of an error: message, notes, causes, locals of every frame."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    links = [repr(error), str(error), repr(error.__cause__), repr(error.__context__), repr(pickle.dumps(error))]
    frames = [entry for entry in told.stack if "mlops_core" in entry.filename]
    assert frames, "the traceback was not captured"
    return "\n".join([*links, *(f"{entry.name} {entry.locals}" for entry in frames)])


@pytest.mark.parametrize(
    "line",
    [
        f'token = "{CANARY}"',
        f'api-key = "{CANARY}"',
        f'AWS_SECRET_ACCESS_KEY = "{CANARY}"',
        f'db_password = "{CANARY}"',
        f'credentials = ["{CANARY}"]',
        f'token = {{ value = "{CANARY}" }}',
        f'token = {{ env = "X", value = "{CANARY}" }}',
        f'nested = {{ deep = [ {{ secret = "{CANARY}" }} ] }}',
        f'url = "https://user:{CANARY}@host/path"',
        f'urls = ["https://user:{CANARY}@host/path"]',
        *(
            f'{key} = "{CANARY}"'
            for key in [
                "pwd", "pass", "db_pass", "auth", "oauth", "Authorization", "bearer", "bearer_token", "cookie",
                "cookies", "session-cookie", "pat", "github_pat", "sas", "sas_token", "jwt", "apikey", "apiKey",
                "accountKey", "account_key", "storage_key", "access_key", "access_key_id", "aws_access_key_id",
                "signing_key", "encryption_key", "private_key", "private_pem", "token_value", "client_secret_value",
                "password2", "clientSecret", "authtoken", "dbPassword", "secret_text", "signature", "sig",
                "connection_string",
            ]
        ),
        f'headers = {{ Authorization = "Bearer {CANARY}" }}',
        f'headers = {{ x-proxy = "bearer {CANARY}" }}',
        f'headers = ["Authorization: {CANARY}"]',
        f'auth = {{ user = "u", password = "{CANARY}" }}',
        f'auth = "Basic {CANARY}"',
        f'auth = ["user", "{CANARY}"]',
        f'dsn = "host=h password={CANARY}"',
        f'dsn = "Server=h;Uid=u;Pwd={CANARY};"',
        f'dsn = "AccountName=a;AccountKey={CANARY}"',
        f"dsn = \"host=h password = '{CANARY}'\"",
        f'url = "https://{CANARY}@host"',
        f'url = "https://{CANARY}@host/x"',
        f'url = "https://u:p/{CANARY}@host/x"',
        f'url = "ssh://git:{CANARY}@host/x"',
        f'url = "https://host/x?access_token={CANARY}"',
        f'url = "https://host/x?sv=1&sig={CANARY}"',
        f'extra = \'{{"token": "{CANARY}"}}\'',
        f'key = "-----BEGIN RSA PRIVATE KEY-----{CANARY}"',
    ],
)  # fmt: skip
def test_a_literal_secret_is_refused_and_never_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(tmp_path, f'[backends.home]\nadapter = "x"\n{line}\n')
    assert 'env = "' in caught.value.hint
    assert "backends.home." in caught.value.what
    assert CANARY not in shown_by(caught.value)


@pytest.mark.parametrize("broken", ["oops", f"token = {CANARY}", f'other = "{CANARY}'])
def test_a_broken_file_is_not_quoted(tmp_path: Path, broken: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(tmp_path, f'[backends.home]\nadapter = "x"\ntoken = "{CANARY}"\n{broken}\n')
    assert CANARY not in shown_by(caught.value)


def test_a_numeric_password_is_a_literal_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"backends\.home\.password"):
        settings_of(tmp_path, '[backends.home]\nadapter = "x"\npassword = 123456\n')


def test_counts_switches_and_addresses_are_no_secrets(tmp_path: Path) -> None:
    text = '[backends.home]\nadapter = "x"\nmax_tokens = 5\ntoken_url = "https://host/token"\nuse_token = true\n'
    options = settings_of(tmp_path, text).backends["home"].options
    assert options == {"max_tokens": 5, "token_url": "https://host/token", "use_token": True}


@pytest.mark.parametrize(
    "line",
    [
        'path = ".mlops"', 'path = "/data/2026@home/x=1"', 'bucket = "models"', 'region = "eu-west-1"', 'profile = "me"',
        'endpoint = "https://host:9000"', 'url = "https://host/@scope/package"', 'url = "https://host/x?page=2&q=a@b"',
        'tracking_uri = "http://localhost:5000"', 'url = "sqlite:///data/a.db"', 'root = "abfss://box@account.net/x"',
        'url = "ssh://git@host/x"', 'host = "db"', "port = 5432", 'user = "me"', 'username = "me"', 'email = "me@host.org"',
        'key = "models/a"', 'key_prefix = "a/b"', 'partition_key = "day"', 'primary_key = "id"', 'key_id = "4"',
        'client_id = "app"', 'account = "acme"', 'account_name = "acme"', 'storage_class = "COLD"', 'access = "read"',
        'token_url = "https://host/token"', 'auth_url = "https://host"', 'auth_type = "iam"', 'auth_method = "oidc"',
        'password_file = "p.txt"', 'credentials_path = "c.json"', 'secret_name = "prod"', 'signature_version = "s3v4"',
        "token_ttl = 3600", "max_tokens = 512", 'tokenizer = "words"', 'author = "me"', 'passive = "yes"', 'compass = "n"',
        'pattern = "*.csv"', 'patch = "1"', 'sasl_mechanism = "PLAIN"', 'design = "a"', 'bypass = "x"', "use_auth = true",
        'dsn = "host=h port=5 dbname=d"', 'note = "the secret is elsewhere"', 'arn = "arn:aws:x:1:secret:name"',
        'headers = { Accept = "text/html", X-Team = "data" }', "verify = false", "timeout = 1.5", "private = true",
        'query = "max_tokens=5&use_token=true"',
    ],
)  # fmt: skip
def test_ordinary_options_pass(tmp_path: Path, line: str) -> None:
    written = tomllib.loads(line)
    options = settings_of(tmp_path, f'[backends.home]\nadapter = "x"\n{line}\n').backends["home"].options
    assert options == written


def test_references_are_parsed_and_read_at_use(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, REFERENCES)
    options = settings.backends["home"].options
    assert options["token"] == Secret(env="HOME_TOKEN")
    found = dict(secrets_in(options, where="backends.home"))
    assert found == {
        "backends.home.token": Secret(env="HOME_TOKEN"),
        "backends.home.auth.db_password": Secret(file=tmp_path / "password.txt"),
    }
    (tmp_path / "password.txt").write_text(f"{CANARY}\n")
    assert found["backends.home.auth.db_password"].reveal() == CANARY
    assert found["backends.home.token"].reveal({"HOME_TOKEN": CANARY}) == CANARY


def test_a_variable_that_sets_a_secret_becomes_a_reference_to_itself(tmp_path: Path) -> None:
    environ = {"MLOPS_BACKENDS__HOME__TOKEN": CANARY, "MLOPS_BACKENDS__HOME__API_KEY": '{ env = "OTHER" }'}
    settings = settings_of(tmp_path, '[backends.home]\nadapter = "x"\n', **environ)
    token = settings.backends["home"].options["token"]
    assert isinstance(token, Secret)
    assert token.reveal(environ) == CANARY
    assert settings.backends["home"].options["api_key"] == Secret(env="OTHER")
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLOPS_BACKENDS__HOME", f'{{ adapter = "x", token = "{CANARY}" }}'),
        ("MLOPS_BACKENDS__HOME__URL", f"https://user:{CANARY}@host"),
        ("MLOPS_BACKENDS", f'{{ home = {{ token = "{CANARY}" }} }}'),
    ],
)
def test_a_secret_inside_a_variables_table_is_refused_and_never_shown(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(start=tmp_path, environ={name: value})
    assert name in caught.value.where
    assert CANARY not in shown_by(caught.value)


def test_an_adapter_may_ask_for_a_secret_under_any_key(tmp_path: Path) -> None:
    options = settings_of(tmp_path, REFERENCES).backends["home"].options
    auth = options["auth"]
    assert isinstance(auth, dict)
    assert Secret.from_option(auth["header"], key="backends.home.auth.header", base=tmp_path) == Secret(env="prod")
    with pytest.raises(ConfigurationError) as caught:
        Secret.from_option(CANARY, key="backends.home.auth.header", base=tmp_path)
    shown = shown_by(caught.value)
    assert "backends.home.auth.header" in shown
    assert CANARY not in shown


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe" + CANARY.encode()])
def test_a_secret_that_cannot_be_read_names_its_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        Secret(file=path).reveal()
    assert str(path) in caught.value.where
    assert CANARY not in shown_by(caught.value)
    assert not Secret(file=path).is_there()


@pytest.mark.parametrize("environ", [{}, {"A_TOKEN": ""}])
def test_a_missing_variable_is_named_and_no_other_is_shown(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Secret(env="A_TOKEN").reveal({**environ, "OTHER": CANARY})
    assert "A_TOKEN" in caught.value.where
    assert CANARY not in shown_by(caught.value)


def test_the_canary_is_nowhere_in_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password.txt").write_text(CANARY)
    monkeypatch.setenv("HOME_TOKEN", CANARY)
    (tmp_path / "mlops.toml").write_text(REFERENCES)
    settings = load_settings(start=tmp_path)
    for _, secret in secrets_in(settings.backends["home"].options, where=""):
        assert secret.reveal() == CANARY
    shown = [repr(settings), str(settings), repr(pickle.dumps(settings)), json.dumps(settings.backends, default=repr)]
    assert all(CANARY not in each for each in shown)


def test_an_error_after_loading_shows_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", CANARY)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(start=tmp_path, use="nowhere")
    assert CANARY not in shown_by(caught.value)


@given(st.sampled_from(["token", "password", "secret", "api_key", "api-key", "secret_key", "credentials"]), st.text())
def test_a_key_that_holds_a_secrets_word_is_secret(word: str, before: str) -> None:
    assert is_secret_key(word)
    assert is_secret_key(word.upper())
    assert is_secret_key(f"my_{word}")
    assert is_secret_key(f"my-{word}-value")
    assert is_secret_key(f"{word}.old")
    assert not is_secret_key(f"{before}{word}_url")


def test_a_secret_is_one_place() -> None:
    with pytest.raises(ConfigurationError):
        Secret()
    with pytest.raises(ConfigurationError):
        Secret(env="A", file=Path("b"))
