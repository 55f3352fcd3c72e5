// Ways to bring a file of one's own: a button, or dropping it.
window.hfSsl ??= {};

/** A button that opens the browser's choice of a picture. */
hfSsl.fileButton = function (text, onFile) {
  const input = hfSsl.element("input", {
    type: "file",
    accept: "image/*",
    className: "unseen",
    tabIndex: -1,
    "aria-hidden": "true",
  });
  input.addEventListener("change", () => {
    onFile(input.files[0]);
    input.value = ""; // the same file may be taken again
  });
  const button = hfSsl.button(text, () => input.click());
  return hfSsl.element("span", {}, button, input);
};

/** Let a place take dropped files; it shows that it would. */
hfSsl.takeDrops = function (place, onFile) {
  const over = (yes) => (event) => {
    event.preventDefault();
    place.classList.toggle("dropping", yes);
  };
  place.addEventListener("dragover", over(true));
  place.addEventListener("dragleave", over(false));
  place.addEventListener("drop", (event) => {
    over(false)(event);
    onFile(event.dataTransfer.files[0]);
  });
};
