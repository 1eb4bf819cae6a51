/* Makes a textarea fit for source: numbers of lines, indenting, saving by the keyboard, and a word
   before unsaved text is lost. Without it the textarea is a plain one. */

const form = document.getElementById("editor");
const area = form.querySelector("textarea.code");
const numbers = form.querySelector(".numbers");
const indent = /^\t/m.test(area.value) ? "\t" : "    ";
let saved = area.value;
let sent = area.value;
let leaves = false;

area.setAttribute("aria-describedby", "editor-help");

/* Numbers */

function number() {
  const count = area.value.split("\n").length;
  if (Number(numbers.dataset.count) !== count) {
    numbers.dataset.count = count;
    numbers.textContent = Array.from({ length: count }, (_, index) => index + 1).join("\n");
  }
  numbers.scrollTop = area.scrollTop;
}

area.addEventListener("input", number);
area.addEventListener("scroll", () => {
  numbers.scrollTop = area.scrollTop;
});
number();

/* Indenting. By a command of the browser, so that it can be undone. */

function insert(text) {
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    number();
  }
}

function lineStart(at) {
  return area.value.lastIndexOf("\n", at - 1) + 1;
}

function shiftLines(outwards) {
  const start = lineStart(area.selectionStart);
  const end = area.selectionEnd;
  const lines = area.value.slice(start, end).split("\n");
  const changed = lines.map((line) => {
    if (!outwards) {
      return line ? indent + line : line;
    }
    return line.replace(/^(\t| {1,4})/, "");
  });
  area.setSelectionRange(start, end);
  insert(changed.join("\n"));
  area.setSelectionRange(start, start + changed.join("\n").length);
}

function pressTab(event) {
  event.preventDefault();
  const spans = area.value.slice(area.selectionStart, area.selectionEnd).includes("\n");
  if (event.shiftKey || spans) {
    shiftLines(event.shiftKey);
  } else {
    insert(indent);
  }
}

function pressEnter(event) {
  event.preventDefault();
  const line = area.value.slice(lineStart(area.selectionStart), area.selectionStart);
  const space = line.match(/^[\t ]*/)[0];
  insert(`\n${space}${/[:{[(]\s*$/.test(line) ? indent : ""}`);
}

area.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    leaves = true;
    return;
  }
  if (event.key === "Tab" && !leaves) {
    pressTab(event);
  } else if (event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.metaKey) {
    pressEnter(event);
  }
  leaves = leaves && event.key === "Shift";
});

area.addEventListener("blur", () => {
  leaves = false;
});

/* Saving */

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    form.requestSubmit(document.getElementById("save"));
  }
});

form.addEventListener("submit", () => {
  sent = area.value;
  if (!form.hasAttribute("hx-post")) {
    saved = sent;
  }
});

form.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt === form && event.detail.successful) {
    saved = sent;
  }
});

window.addEventListener("beforeunload", (event) => {
  if (area.value !== saved) {
    event.preventDefault();
  }
});

/* A log is read at its end, unless its reader has gone up in it. */

function follow() {
  const log = document.getElementById("build-log");
  if (log) {
    log.scrollTop = log.scrollHeight;
  }
}

document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
  const log = event.detail.target;
  if (log.id === "build-log") {
    log.dataset.follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40 ? "yes" : "";
  }
});

document.body.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id === "build-log" && event.detail.target.dataset.follows) {
    follow();
  }
});

follow();
