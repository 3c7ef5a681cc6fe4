/** A fixture, by its name in `tests/wire/`; each test states what it holds. */
export function readFixture<T>(name: string): T;
