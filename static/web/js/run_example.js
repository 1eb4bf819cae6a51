/* Runs an example on the call plane, as the user of the session, and shows what came of it. */

const place = document.getElementById("run");
const SHOWN_CHARACTERS = 200_000;
const TYPES = { json: "application/json", text: "text/plain", file: "application/octet-stream" };
const PHASES = {
  auth: "Finding out who calls",
  resolve: "Finding the version",
  queue: "Waiting for a place",
  start: "Starting a runner",
  load: "Loading the algorithm",
  run: "Running",
  relay: "Passing on",
};

function find(name) {
  return document.getElementById(`run-${name}`);
}

function show(element, shown) {
  element.hidden = !shown;
}

function chosenKind() {
  return find("form").elements.kind.value;
}

/* The input */

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function chooseKind() {
  const isFile = chosenKind() === "file";
  show(find("input"), !isFile);
  show(find("file"), isFile);
  find("input-label").htmlFor = isFile ? "run-file" : "run-input";
  complain("");
}

function complain(text) {
  const field = chosenKind() === "file" ? find("file") : find("input");
  find("problem").textContent = text;
  show(find("problem"), text !== "");
  for (const each of [find("file"), find("input")]) {
    each.removeAttribute("aria-invalid");
  }
  if (text) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

/* What is sent; null after a complaint. */
function bodyOf(kind) {
  if (kind === "file") {
    const [file] = find("file").files;
    complain(file ? "" : "Choose a file.");
    return file ?? null;
  }
  const text = find("input").value;
  if (kind === "json" && !isJson(text)) {
    complain("This is not JSON. Correct it, or send it as text.");
    return null;
  }
  complain("");
  return text;
}

/* The answer */

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

let download = "";

function offer(content, name) {
  URL.revokeObjectURL(download);
  download = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  find("download").href = download;
  find("download").download = name;
  show(find("download"), true);
}

function put(text, name) {
  const output = find("output");
  const isLong = text.length > SHOWN_CHARACTERS;
  output.textContent = isLong ? `${text.slice(0, SHOWN_CHARACTERS)}\n[...]` : text;
  output.dataset.text = text;
  show(output, true);
  show(find("download"), false);
  if (isLong) {
    offer(text, name);
  }
}

function putResult(result, type) {
  const name = place.dataset.name;
  if (type === "binary") {
    const bytes = bytesOf(result);
    put(`${bytes.length} bytes`, name);
    offer(bytes, `${name}.bin`);
  } else if (type === "text") {
    put(result, `${name}.txt`);
  } else {
    put(JSON.stringify(result, null, 2), `${name}.json`);
  }
}

function putMore(id, text) {
  const details = find(id);
  details.querySelector("pre").textContent = text ?? "";
  show(details, Boolean(text));
}

function putError(type, message) {
  find("error").textContent = type ? `${type}: ${message}` : message;
  show(find("error"), true);
  show(find("output"), false);
  show(find("download"), false);
}

function timesOf(header) {
  const times = new Map();
  for (const entry of (header ?? "").split(",")) {
    const [name, milliseconds] = entry.trim().split(";dur=");
    times.set(name, Number(milliseconds));
  }
  return times;
}

function inWords(milliseconds) {
  return milliseconds < 1000
    ? `${milliseconds.toFixed(1)} ms`
    : `${(milliseconds / 1000).toFixed(2)} s`;
}

const SVG = "http://www.w3.org/2000/svg";

/* Where in the whole a phase began and ended; by attributes, for the policy lets no style be set. */
function barOf(start, length, total) {
  const svg = document.createElementNS(SVG, "svg");
  const bar = document.createElementNS(SVG, "rect");
  svg.setAttribute("class", "bar");
  svg.setAttribute("aria-hidden", "true");
  bar.setAttribute("x", `${(100 * start) / total}%`);
  bar.setAttribute("width", `${Math.max((100 * length) / total, 0.5)}%`);
  bar.setAttribute("height", "100%");
  bar.setAttribute("rx", "2");
  svg.append(bar);
  return svg;
}

function cellOf(tag, content, className = "") {
  const cell = document.createElement(tag);
  cell.className = className;
  cell.append(content);
  return cell;
}

function putTimes(answer) {
  const times = timesOf(answer.headers.get("Server-Timing"));
  const total = times.get("total");
  const rows = find("times").querySelector("tbody");
  rows.replaceChildren();
  show(find("times"), times.has("run"));
  if (!times.has("run")) {
    return;
  }
  let start = 0;
  for (const [name, label] of Object.entries(PHASES)) {
    const length = times.get(name) ?? 0;
    const row = document.createElement("tr");
    const head = cellOf("th", label);
    head.scope = "row";
    row.append(head, cellOf("td", inWords(length), "number"), cellOf("td", barOf(start, length, total)));
    rows.append(row);
    start += length;
  }
  find("total").textContent = inWords(total);
  find("request").textContent = answer.headers.get("X-Request-Id") ?? "";
}

function putAnswer(answer, body) {
  const metadata = body.metadata ?? {};
  const failed = Boolean(body.error);
  show(find("error"), false);
  find("verdict").textContent = failed ? "Failed" : "Output";
  find("kind").textContent = metadata.content_type ?? "";
  show(find("kind"), Boolean(metadata.content_type));
  if (failed) {
    putError(body.error.error_type, body.error.message);
  } else {
    putResult(body.result, metadata.content_type);
  }
  putMore("trace", body.error?.stacktrace);
  putMore("stdout", metadata.stdout);
  putTimes(answer);
  show(find("answer"), true);
  find("said").textContent = failed ? "The run failed." : "The run has ended.";
  find("answer").focus({ preventScroll: true });
}

/* The run */

let running = null;
let ticking = 0;

function setRunning(is) {
  find("button").disabled = is;
  show(find("cancel"), is);
  show(find("waits"), is);
  clearInterval(ticking);
  if (is) {
    const began = performance.now();
    find("said").textContent = "Running.";
    const tick = () => {
      find("seconds").textContent = ((performance.now() - began) / 1000).toFixed(1);
    };
    tick();
    ticking = setInterval(tick, 100);
  }
}

async function call(kind, body) {
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  running = new AbortController();
  setRunning(true);
  try {
    const answer = await fetch(place.dataset.url, {
      method: "POST",
      headers: { "Content-Type": TYPES[kind], "X-CSRFToken": token },
      body,
      signal: running.signal,
    });
    putAnswer(answer, await answer.json());
  } catch (error) {
    const text = error.name === "AbortError" ? "You have cancelled the run." : "The platform cannot be reached.";
    putAnswer(new Response(), { error: { message: text } });
    find("said").textContent = text;
  } finally {
    setRunning(false);
  }
}

if (place) {
  find("form").addEventListener("change", (event) => {
    if (event.target.name === "kind") {
      chooseKind();
    }
  });
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = chosenKind();
    const body = bodyOf(kind);
    if (body !== null) {
      call(kind, body);
    }
  });
  find("cancel").addEventListener("click", () => {
    running.abort();
    find("button").focus();
  });
  if (find("input").value && !isJson(find("input").value)) {
    find("form").elements.kind.value = "text";
  }
}
