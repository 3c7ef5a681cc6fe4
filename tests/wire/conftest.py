"""The option that writes the files which both sides read."""


def pytest_addoption(parser):
    parser.addoption("--write-fixtures", action="store_true", help="write tests/wire/*.json anew: pytest tests/wire")
