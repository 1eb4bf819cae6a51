/* Puts chosen or dropped files where the data plane takes them, three at a time.

   The browser reads a file from the disk while it sends it, so its size makes no difference. */

const MOST_AT_ONCE = 3;
const MOST_SHOWN = 50;

const area = document.getElementById("uploads");
const input = area.querySelector("input[type=file]");
const list = area.querySelector("ul");
const summary = area.querySelector(".upload-summary");
const status = summary.querySelector("[role=status]");
const total = summary.querySelector("progress");
const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

let uploads = [];
let waiting = [];
let running = 0;
let told = 0;

class Upload {
  constructor(file) {
    this.file = file;
    this.sent = 0;
    this.state = "waiting";
  }

  /* Only what is being sent, or has failed, has a line: of thousands nobody reads more. */
  show() {
    if (this.line || list.children.length >= MOST_SHOWN) {
      return;
    }
    this.line = document.createElement("li");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = this.file.name;
    this.bar = document.createElement("progress");
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", this.file.name);
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "plain small";
    this.button.addEventListener("click", () => (this.state === "failed" ? this.retry() : this.cancel()));
    this.label("Cancel");
    this.line.append(name, this.bar, this.button);
    list.append(this.line);
  }

  label(text) {
    this.button.textContent = text;
    this.button.setAttribute("aria-label", `${text} ${this.file.name}`);
  }

  start() {
    this.state = "running";
    this.show();
    this.request = new XMLHttpRequest();
    this.request.open("PUT", area.dataset.to.replace(/\/?$/, "/") + encodeURIComponent(this.file.name));
    this.request.setRequestHeader("X-CSRFToken", token);
    this.request.upload.addEventListener("progress", (event) => this.progress(event.loaded));
    this.request.addEventListener("load", () => this.answered());
    this.request.addEventListener("error", () => this.fail("The platform cannot be reached, or took no more of it."));
    this.request.addEventListener("abort", () => this.end("cancelled"));
    this.request.send(this.file);
  }

  progress(sent) {
    this.sent = sent;
    if (this.bar) {
      this.bar.value = this.file.size ? sent / this.file.size : 1;
    }
    tell();
  }

  answered() {
    if (this.request.status === 200) {
      this.sent = this.file.size;
      this.end("done");
      return;
    }
    let reason = `The platform answered ${this.request.status}.`;
    try {
      reason = JSON.parse(this.request.responseText).error.message;
    } catch {
      /* Not the platform's own answer. */
    }
    this.fail(reason);
  }

  fail(reason) {
    this.show();
    if (this.line) {
      const problem = document.createElement("span");
      problem.className = "problem";
      problem.textContent = reason;
      this.bar.replaceWith(problem);
      this.label("Try again");
    }
    this.end("failed");
  }

  retry() {
    this.line.remove();
    this.line = undefined;
    this.bar = undefined;
    this.sent = 0;
    this.state = "waiting";
    waiting.push(this);
    next();
  }

  cancel() {
    if (this.state === "waiting") {
      waiting = waiting.filter((each) => each !== this);
      this.state = "cancelled";
      tell();
    } else {
      this.request?.abort();
    }
  }

  end(state) {
    this.state = state;
    this.request = undefined;
    if (state !== "failed" && this.line) {
      this.line.remove();
    }
    running -= 1;
    next();
  }
}

function next() {
  while (running < MOST_AT_ONCE && waiting.length) {
    running += 1;
    waiting.shift().start();
  }
  tell(true);
  if (!running && uploads.length) {
    finish();
  }
}

function readable(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let amount = bytes;
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit ? amount.toFixed(1) : amount} ${units[unit]}`;
}

function count(state) {
  return uploads.filter((each) => each.state === state).length;
}

/* At most twice a second, as readers of screens are read each. */
function tell(now = false) {
  const moment = performance.now();
  if (!now && moment - told < 500) {
    return;
  }
  told = moment;
  const wanted = uploads.filter((each) => each.state !== "cancelled");
  const size = wanted.reduce((sum, each) => sum + each.file.size, 0);
  const sent = wanted.reduce((sum, each) => sum + Math.min(each.sent, each.file.size), 0);
  total.value = size ? sent / size : 1;
  status.textContent = `${count("done")} of ${wanted.length} files, ${readable(sent)} of ${readable(size)}`;
}

function finish() {
  const done = count("done");
  const failed = count("failed");
  status.textContent = `${done} file${done === 1 ? "" : "s"} uploaded` + (failed ? `, ${failed} failed` : "");
  summary.querySelector(".actions").hidden = true;
  total.hidden = true;
  uploads = uploads.filter((each) => each.state === "failed");
  if (done) {
    window.htmx.ajax("GET", window.location.pathname + window.location.search, { target: "#part", swap: "innerHTML" });
  }
}

function add(files) {
  for (const file of files) {
    const upload = new Upload(file);
    uploads.push(upload);
    waiting.push(upload);
  }
  if (!files.length) {
    return;
  }
  summary.hidden = false;
  summary.querySelector(".actions").hidden = false;
  total.hidden = false;
  next();
}

function refuse(name) {
  const upload = new Upload({ name, size: 0 });
  upload.show();
  upload.state = "refused";
  const problem = document.createElement("span");
  problem.className = "problem";
  problem.textContent = "This is a folder: choose the files in it.";
  upload.bar.replaceWith(problem);
  upload.button.remove();
}

document.querySelector("[data-choose]").addEventListener("click", () => input.click());
input.addEventListener("change", () => {
  add([...input.files]);
  input.value = "";
});
summary.querySelector("[data-cancel-all]").addEventListener("click", () => {
  for (const upload of uploads.filter((each) => ["waiting", "running"].includes(each.state))) {
    upload.cancel();
  }
});

/* Files may be dropped anywhere on the page. */

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      area.classList.add("is-over");
    }
  });
}

document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) {
    area.classList.remove("is-over");
  }
});

document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) {
    return;
  }
  event.preventDefault();
  area.classList.remove("is-over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
  const folders = new Set(entries.filter((entry) => entry?.isDirectory).map((entry) => entry.name));
  folders.forEach(refuse);
  add([...event.dataTransfer.files].filter((file) => !folders.has(file.name)));
});

window.addEventListener("beforeunload", (event) => {
  if (running) {
    event.preventDefault();
  }
});
