from pathlib import Path

import pytest

from seedmill.storage import StorageError, open_store

S3 = {
    "SEEDMILL_S3_ENDPOINT": "https://s3.example.org",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert open_store("work/../other").uri == str(tmp_path / "other")
    assert open_store(Path("/a/b")).uri == "/a/b"
    assert open_store("~/x").uri == str(tmp_path / "home" / "x")
    assert list(tmp_path.iterdir()) == []


def test_file_uris_are_paths() -> None:
    assert open_store("file:///var/lib/my%20data").uri == "/var/lib/my data"
    with pytest.raises(StorageError, match="three slashes"):
        open_store("file://var/lib")


def test_s3_uris_keep_bucket_and_prefix() -> None:
    assert open_store("s3://datasets/team-a/x/", S3).uri == "s3://datasets/team-a/x"
    assert open_store("s3://datasets", S3).uri == "s3://datasets"


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(StorageError) as error:
        open_store("s3://datasets/x", {"AWS_ACCESS_KEY_ID": "id"})
    assert "SEEDMILL_S3_ENDPOINT" in str(error.value)
    assert "AWS_SECRET_ACCESS_KEY" in str(error.value)
    assert "AWS_ACCESS_KEY_ID" not in str(error.value)


@pytest.mark.parametrize("variable", ["SEEDMILL_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_the_endpoint_has_several_names(variable: str) -> None:
    assert open_store("s3://datasets", {**S3, "SEEDMILL_S3_ENDPOINT": "", variable: "http://127.0.0.1:9000"})


@pytest.mark.parametrize("endpoint", ["localhost:9000", "ftp://x", "http://", "https://host/path", "http://host:port"])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(StorageError, match="endpoint"):
        open_store("s3://datasets", {**S3, "SEEDMILL_S3_ENDPOINT": endpoint})


@pytest.mark.parametrize("uri", ["", "s3://", "s3://ab", "s3://bucket/../x", "gs://bucket", "http://host"])
def test_what_is_no_store_is_refused_in_one_line(uri: str) -> None:
    with pytest.raises(StorageError) as error:
        open_store(uri, S3)
    assert "\n" not in str(error.value)


def test_secrets_are_never_in_errors() -> None:
    with pytest.raises(StorageError) as error:
        open_store("s3://datasets", {**S3, "SEEDMILL_S3_ENDPOINT": "nonsense"})
    assert "secret" not in str(error.value)
