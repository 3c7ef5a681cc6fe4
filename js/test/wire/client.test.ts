import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../../src/wire/client";

interface Sent {
  id: string;
  name: string;
  args: { n: number };
}

function setUp(options: { first?: number } = {}) {
  const sent: Sent[] = [];
  const replies: { n: unknown; newest: boolean }[] = [];
  const events: string[] = [];
  const state = { visible: true };
  const client = new Client(
    {
      send: (content) => {
        if ((content as { kind: string }).kind === "nudge") events.push("nudge");
        else sent.push(content as Sent);
      },
    },
    {
      reply: (reply, newest) => void replies.push({ n: reply.body, newest }),
      changed: (revision) => void events.push(`changed ${revision}`),
      refused: (message) => void events.push(`refused ${message}`),
      skipped: () => void events.push("skipped"),
    },
    { patience: 1000, visible: () => state.visible, ...options },
  );
  const answer = (request: Sent) =>
    client.receive(
      { kind: "reply", id: request.id, name: request.name, body: request.args.n, tensors: [] },
      [],
    );
  const ask = (n: number) => client.ask("frame", { n } as never);
  const numbers = () => sent.map((request) => request.args.n);
  return { client, sent, replies, events, state, answer, ask, numbers };
}

describe("Client", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("keeps at most three requests in flight and of those that wait only the newest", () => {
    const { sent, answer, ask, numbers } = setUp();
    for (let n = 1; n <= 6; n++) ask(n);
    expect(numbers()).toEqual([1, 2, 3]);
    answer(sent[0]!);
    expect(numbers()).toEqual([1, 2, 3, 6]);
    for (const request of sent.slice(1, 4)) answer(request);
    expect(numbers()).toEqual([1, 2, 3, 6]);
  });

  it("hands on what has come although something newer is out", () => {
    const { sent, replies, answer, ask } = setUp();
    ask(1);
    ask(2);
    answer(sent[0]!);
    expect(replies).toEqual([{ n: 1, newest: false }]);
    answer(sent[1]!);
    expect(replies.at(-1)).toEqual({ n: 2, newest: true });
  });

  it("drops an older reply that comes after a newer one", () => {
    const { sent, replies, answer, ask } = setUp();
    ask(1);
    ask(2);
    answer(sent[1]!);
    answer(sent[0]!);
    expect(replies).toEqual([{ n: 2, newest: true }]);
  });

  it("never goes back, whatever the delays of a drag", () => {
    const { sent, replies, answer, ask } = setUp();
    let random = 7;
    const open = new Set<Sent>();
    const seen = new Set<Sent>();
    for (let n = 1; n <= 200; n++) {
      ask(n);
      for (const request of sent) if (!seen.has(request)) seen.add(request) && open.add(request);
      expect(open.size).toBeLessThanOrEqual(3);
      random = (random * 1103515245 + 12345) % 2 ** 31;
      const waiting = [...open];
      const chosen = waiting[random % 3];
      if (chosen) {
        open.delete(chosen);
        answer(chosen);
      }
    }
    while (true) {
      const rest = sent.filter((request) => open.has(request) || !seen.has(request));
      if (rest.length === 0) break;
      for (const request of rest) {
        seen.add(request);
        open.delete(request);
        answer(request);
      }
    }
    const painted = replies.map((reply) => reply.n as number);
    expect(painted).toEqual([...painted].sort((a, b) => a - b));
    expect(painted.at(-1)).toBe(200);
    expect(painted.length).toBeGreaterThan(20);
  });

  it("ignores replies with ids of others, and a reply that comes twice", () => {
    const { client, sent, replies, answer, ask } = setUp();
    ask(1);
    client.receive({ kind: "reply", id: "someone-1", name: "frame", body: 9, tensors: [] }, []);
    expect(replies).toEqual([]);
    answer(sent[0]!);
    answer(sent[0]!);
    expect(replies).toHaveLength(1);
  });

  it("has ids that no other page has", () => {
    const one = setUp();
    const two = setUp();
    one.ask(1);
    two.ask(1);
    expect(one.sent[0]!.id).not.toBe(two.sent[0]!.id);
  });

  it("frees the slot of a lost reply and asks the newest again, waiting longer each time", () => {
    const { sent, replies, answer, ask, numbers } = setUp();
    for (let n = 1; n <= 4; n++) ask(n);
    expect(numbers()).toEqual([1, 2, 3]);
    vi.advanceTimersByTime(1001);
    expect(numbers()).toEqual([1, 2, 3, 4]);
    vi.advanceTimersByTime(1900);
    expect(numbers()).toEqual([1, 2, 3, 4]);
    vi.advanceTimersByTime(200);
    expect(numbers()).toEqual([1, 2, 3, 4, 4]);
    answer(sent[4]!);
    expect(replies).toEqual([{ n: 4, newest: true }]);
    vi.advanceTimersByTime(1e6);
    expect(numbers()).toHaveLength(5);
  });

  it("still takes a reply that was given up", () => {
    const { sent, replies, answer, ask, numbers } = setUp();
    ask(1);
    vi.advanceTimersByTime(1001);
    expect(numbers()).toEqual([1, 1]);
    answer(sent[0]!);
    expect(replies).toEqual([{ n: 1, newest: false }]);
    answer(sent[1]!);
    expect(replies.at(-1)).toEqual({ n: 1, newest: true });
  });

  it("hands on nothing of a question that the kernel skipped, and uses its place", () => {
    const { client, sent, replies, events, answer, ask, numbers } = setUp();
    for (let n = 1; n <= 4; n++) ask(n);
    const { id, name } = sent[1]!;
    client.receive({ kind: "reply", id, name, skipped: true }, []);
    expect(numbers()).toEqual([1, 2, 3, 4]);
    expect(replies).toEqual([]);
    answer(sent[3]!);
    expect(replies).toEqual([{ n: 4, newest: true }]);
    expect(events).not.toContain("skipped");
  });

  it("says so where nothing newer was asked, and does not ask by itself", () => {
    const { client, sent, replies, events, ask, numbers } = setUp();
    ask(1);
    const { id, name } = sent[0]!;
    client.receive({ kind: "reply", id, name, skipped: true }, []);
    expect(events).toContain("skipped");
    expect(client.busy).toBe(false);
    vi.advanceTimersByTime(100_000);
    client.resume();
    expect(numbers()).toEqual([1]);
    expect(replies).toEqual([]);
  });

  it("is less patient before it has heard anything", () => {
    const { sent, answer, ask, numbers } = setUp({ first: 100 });
    ask(1);
    vi.advanceTimersByTime(101);
    expect(numbers()).toEqual([1, 1]); // the first may wait behind a cell that runs
    answer(sent[1]!);
    ask(2);
    vi.advanceTimersByTime(900);
    expect(numbers()).toEqual([1, 1, 2]);
    vi.advanceTimersByTime(200);
    expect(numbers()).toEqual([1, 1, 2, 2]);
  });

  it("does not ask again while nobody sees it, and does when seen again", () => {
    const { client, state, ask, numbers } = setUp();
    ask(1);
    state.visible = false;
    vi.advanceTimersByTime(1e6);
    expect(numbers()).toEqual([1]);
    state.visible = true;
    client.resume();
    expect(numbers()).toEqual([1, 1]);
  });

  it("wants no reply to what was answered otherwise", () => {
    const { client, sent, replies, answer, ask, numbers } = setUp();
    for (let n = 1; n <= 4; n++) ask(n);
    client.forget("frame");
    for (const request of sent.slice(0, 3)) answer(request);
    expect(replies).toEqual([]);
    expect(numbers()).toEqual([1, 2, 3]);
    ask(5);
    answer(sent[3]!);
    expect(replies).toEqual([{ n: 5, newest: true }]);
  });

  it("nudges the server a few times after a question that is alone on its way, until it is answered", () => {
    const { client, sent, events, answer, ask } = setUp();
    ask(1);
    vi.advanceTimersByTime(5);
    expect(events).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(events).toEqual(["nudge", "nudge"]);
    vi.advanceTimersByTime(500);
    expect(events).toHaveLength(6);
    ask(2);
    ask(3);
    vi.advanceTimersByTime(100);
    expect(events).toHaveLength(6); // each message of several does it for the one before
    for (const request of sent) answer(request);
    ask(4);
    vi.advanceTimersByTime(7);
    answer(sent[3]!);
    vi.advanceTimersByTime(100);
    expect(events).toHaveLength(7);
    client.dispose();
  });

  it("hands on what the kernel says unasked", () => {
    const { client, events } = setUp();
    client.receive({ kind: "changed", revision: 4 }, []);
    client.receive({ kind: "refused", message: "no such image" }, []);
    expect(events).toEqual(["changed 4", "refused no such image"]);
  });

  it("sets no timer and sends nothing after its end", () => {
    const { client, ask, numbers } = setUp();
    for (let n = 1; n <= 4; n++) ask(n);
    client.dispose();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1e6);
    expect(numbers()).toEqual([1, 2, 3]);
  });
});
