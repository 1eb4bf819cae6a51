/* What every page does by itself: dialogs, menus, copying, messages, times of the reader's zone. */

const modal = document.getElementById("modal");
const modalBody = document.getElementById("modal-body");
const toasts = document.getElementById("toasts");

function say(text, kind = "") {
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  toast.append(text);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "plain small";
  close.textContent = "Close";
  close.addEventListener("click", () => toast.remove());
  toast.append(close);
  toasts.append(toast);
  if (kind !== "bad") {
    setTimeout(() => toast.remove(), 6000);
  }
}

/* Dialogs: what htmx puts into #modal-body is shown in the dialog. */

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== modalBody) {
    return;
  }
  modal.setAttribute("aria-label", modalBody.querySelector("h1")?.textContent ?? "Dialog");
  if (!modal.open) {
    modal.showModal();
  }
  const first = modalBody.querySelector("[autofocus], [aria-invalid=true], input:not([type=hidden])");
  first?.focus();
});

modal.addEventListener("close", () => modalBody.replaceChildren());

/* Menus are closed by Escape, by a click elsewhere, and when one of their entries is chosen. */

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) {
      menu.open = false;
    }
  }
}

document.addEventListener("click", (event) => {
  const summary = event.target.closest("details.menu > summary");
  closeMenus(summary?.parentElement);
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

/* Buttons that name what they do to what: data-copy, data-close, data-reveal. */

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.dataset.text ?? source.textContent.trim());
    say("Copied.");
  } catch {
    say("Your browser does not let this page copy: select the text and copy it.", "bad");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.copy) {
    copy(button);
  } else if (button && "close" in button.dataset) {
    button.closest("dialog")?.close();
  }
});

/* What htmx could not get is told, with the reason that the platform gives. */

function reasonOf(request) {
  const type = request.getResponseHeader("Content-Type") ?? "";
  if (type.startsWith("application/json")) {
    return JSON.parse(request.responseText).error?.message;
  }
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  return page.querySelector("main p")?.textContent;
}

document.body.addEventListener("htmx:responseError", (event) => {
  const request = event.detail.xhr;
  say(reasonOf(request) || `The platform answered ${request.status}.`, "bad");
});

document.body.addEventListener("htmx:sendError", () => {
  say("The platform cannot be reached. Check your connection and try again.", "bad");
});

/* A server's message by the header HX-Trigger: {"say": "..."} */

document.body.addEventListener("say", (event) => say(event.detail.value));

/* Times: the server writes UTC, readers see their own zone. */

function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const date = new Date(time.dateTime);
    time.dataset.local = "";
    time.title = `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
    const pad = (number) => String(number).padStart(2, "0");
    const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
    time.textContent = `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
  }
}

document.body.addEventListener("htmx:load", (event) => localize(event.detail.elt.parentElement ?? document));
localize(document);

/* Of tabs that do not fit, the one that is open is in sight. */

for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const tabs = tab.closest(".tabs");
  tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
}
