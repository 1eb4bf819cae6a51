/* A log that grows is followed at its end, unless its reader has scrolled up. */

const log = document.getElementById("log");
const NEAR_PIXELS = 40;

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PIXELS;
}

function goToEnd() {
  log.scrollTop = log.scrollHeight;
}

if (log) {
  let follow = true;
  goToEnd();
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target === log) {
      follow = isAtEnd();
    }
  });
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target === log && follow) {
      goToEnd();
    }
  });
}
