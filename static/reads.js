// Catching up: what this tab has taken, by version; reads of what it has not; slow looks while there is no stream.
"use strict";
(() => {
  const LOOK = 5000;   // between two looks while it is not live …
  const LONG = 60000;  // … and twice as long once it has not been for so long
  const HERD = 1500;   // many boards that miss the same do not ask at the same moment

  const { voicedash } = window;
  if (!voicedash) return;
  const { clock, rows, parts, liveness } = voicedash;
  const board = document.getElementById("board");
  const { boardUrl } = document.querySelector(".bar").dataset;

  let version = Number(board.dataset.version);  // every change up to this one was taken
  let newest = version;                         // up to this one there are some
  let ahead = null;                             // taken before its turn: changes from one version to another
  let anew = false;                             // what was taken is not to be built upon

  // ---- Asking ----------------------------------------------------------------------------------

  // Gives the page at `url`; null where this session may not have it. Throws where no page comes.
  async function ask(url, milliseconds = 8000) {
    let answer;
    try {
      answer = await fetch(url, {
        headers: { "HX-Request": "true", "X-Background": "1" },
        cache: "no-store",
        redirect: "manual",
        signal: AbortSignal.timeout(milliseconds),
      });
    } catch (error) {
      liveness.noAnswer();
      throw error;
    }
    const ofBoard = url.split("?")[0] === boardUrl;
    const why = answer.status === 401 || answer.type === "opaqueredirect" ? liveness.SIGNED_OUT
      : ofBoard && (answer.status === 403 || answer.status === 404) ? liveness.NOT_YOURS : "";
    if (why) { liveness.leave(why); return null; }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const page = rows.parse(await answer.text());
    if (ofBoard && liveness.isOutside()) {
      liveness.leave("");
      document.dispatchEvent(new CustomEvent("voicedash:inside"));
    }
    return page;
  }
  function part(page, id) {
    const found = page.getElementById(id);
    if (!found) throw new Error(`no ${id}`);
    return found;
  }

  // What is newer than what was taken.
  async function catchUp() {
    if (anew) { await readAll(); return; }
    // A press without an answer took back what its row says: that row comes again, newer or not.
    const unanswered = rows.every().filter((row) => "unanswered" in row.dataset).map((row) => Number(row.dataset.version) - 1);
    const page = await ask(`${boardUrl}?since=${Math.max(0, Math.min(version, ...unanswered))}`);
    if (!page) return;
    const fresh = part(page, "changes");
    if ("anew" in fresh.dataset) { await readAll(); return; }
    reach(Number(fresh.dataset.version));
    await take(fresh);
    complete(fresh.dataset);
  }
  // The whole board, with as many pages as are shown.
  async function readAll() {
    const page = await ask(boardUrl);
    if (!page) return;
    const fresh = part(page, "board");
    const all = new Map();
    const gather = (section) => { for (const row of section.querySelectorAll("li.row")) all.set(row.id, row); };
    gather(fresh);
    let at = fresh.dataset;
    while (at.next && voicedash.finding.reaches(at.next, all.size)) {
      const more = await ask(`${boardUrl}?after=${at.next}`);
      if (!more) return;
      gather(part(more, "more"));
      at = more.getElementById("more").dataset;
    }
    // The later pages are newer than the first, and so is what the stream brought meanwhile.
    version = Number(fresh.dataset.version);
    ahead = null;
    newest = anew ? version : Math.max(newest, version);
    anew = false;
    voicedash.finding.know(at);
    parts.take(page);
    const sorted = [...all.values()].sort((one, other) => (rows.orderOf(one) < rows.orderOf(other) ? -1 : 1));
    await rows.reconcile(sorted, { version, covers: (row) => !at.next || rows.orderOf(row) <= at.next, blank: fresh.querySelector("#empty") });
    voicedash.finding.again();
    complete(fresh.dataset);
  }

  // ---- Taking ----------------------------------------------------------------------------------

  function reach(to) {
    version = Math.max(version, to);
    if (ahead && version >= ahead.from) {
      version = Math.max(version, ahead.to);
      ahead = null;
    }
    newest = Math.max(newest, version);
  }
  // The stream has told all that changed from one version to another.
  function cover(from, to) {
    if (version >= from) reach(to);
    else if (ahead && from <= ahead.to) ahead.to = Math.max(ahead.to, to);
    else ahead = { from, to };
  }
  // Rows were placed that were read at `then`: what came after it, and passed them by, is asked for again.
  function tookAsOf(then) {
    if (then >= version) return;
    version = then;
    ahead = null;
    follow();
  }
  function take(fresh) {
    parts.take(fresh);
    return rows.put([...fresh.querySelectorAll("li.row")]);
  }
  function complete({ asOf, worker }) {
    clock.learn(Date.parse(asOf), clock.ours());
    liveness.tellWorker(worker);
    if (version < newest) follow();
    else liveness.good(clock.ours(), Date.parse(asOf));
    document.dispatchEvent(new CustomEvent("voicedash:read"));
  }

  // A word of the stream, told to this tab by the one that listens: `from` and `to` are versions, `at` is when it came.
  function hear({ kind, data, from, to, at }) {
    if (kind === "bye") { liveness.leave(data === "signed-out" ? liveness.SIGNED_OUT : liveness.NOT_YOURS); return; }
    if (kind === "stale") { liveness.blind(at, JSON.parse(data).age); return; }
    liveness.alive(at);
    if (kind === "anew") anew = true;
    newest = Math.max(newest, to);
    if (kind === "changes" && document.hidden) hearCounts(data);
    else if (kind !== "anew") cover(from, to);
    if (kind === "changes" && !document.hidden) take(rows.parse(data));
    let time = clock.at(at);
    if (kind === "beat") {
      const { now, worker } = JSON.parse(data);
      time = Date.parse(now);
      clock.learn(time, at);
      liveness.tellWorker(worker);
    }
    if (anew || version < newest) follow({ herd: kind === "anew" });
    else liveness.good(at, time);
  }
  // Nobody looks: the counts for the title are enough, the rest comes when it is shown.
  function hearCounts(data) {
    const [counts] = data.match(/<div id="part-counts"[^>]*><\/div>/) || [];
    if (counts) parts.take(rows.parse(counts));
  }

  // ---- One read at a time ----------------------------------------------------------------------

  let running = null;
  let waiting = null;
  function enqueue(read) {
    if (!running) return start(read);
    // Not the one that runs: it may have begun before what it is to bring.
    waiting ||= { read, done: running.then(() => { const then = waiting.read; waiting = null; return start(then); }) };
    if (read === readAll) waiting.read = read;
    return waiting.done;
  }
  function start(read) {
    clearTimeout(soon);
    soon = 0;
    running = read().catch(() => {}).finally(() => { running = null; });
    return running;
  }
  const look = () => enqueue(catchUp);
  const reload = () => enqueue(readAll);

  let soon = 0;
  // Something was missed; `herd`: by many others at the same moment.
  function follow({ herd = false } = {}) {
    liveness.behind(clock.ours());
    if (document.hidden || soon || running) return;
    soon = setTimeout(look, herd ? Math.random() * HERD : 0);
  }

  // The net: while there is no stream, and for a press without an answer.
  let lookAt = 0;
  let since = 0;
  clock.everySecond(() => {
    since = liveness.isLive() && !rows.every().some((row) => "unanswered" in row.dataset) ? 0 : since || clock.ours();
    if (!since) lookAt = 0;
    if (!since || document.hidden || liveness.isOutside() || running || clock.ours() < lookAt) return;
    lookAt = clock.ours() + LOOK * (clock.ours() - since > LONG ? 2 : 1) * (0.8 + 0.4 * Math.random());
    look();
  });

  voicedash.reads = { ask, part, look, reload, hear, take, tookAsOf, follow, newest: () => newest };
  parts.count();
})();
