// The self-supervised column of the image panel: an image, its hidden patches, and what a model paints in their place.
window.hfSsl ??= {};

/** One of the three pictures: a frame with a caption. */
hfSsl.picture = function (caption, ...over) {
  const image = hfSsl.element("img", { alt: "" });
  const frame = hfSsl.element("div", { className: "picture empty" }, image, ...over);
  const made = hfSsl.element("figure", {}, frame, hfSsl.element("figcaption", {}, caption));
  made.show = (source) => {
    image.src = source;
    image.alt = caption;
    frame.classList.remove("empty");
  };
  return made;
};

/** The model's error beside that of the plainest guess, as two bars. */
hfSsl.showErrors = function (place, { error, mean_colour_error: plain }) {
  if (error === null || plain === null) {
    place.replaceChildren();
    return;
  }
  const most = Math.max(error, plain, 1e-9);
  const bars = [
    ["The model", error],
    ["Mean colour", plain],
  ].map(([name, value]) => {
    const bar = hfSsl.element("span", { className: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--length", Math.max(0.01, value / most).toFixed(4));
    const row = [
      hfSsl.element("span", { className: "answer" }, name),
      hfSsl.element("span", { className: "share" }, value.toFixed(4)),
      bar,
    ];
    return hfSsl.element("li", {}, hfSsl.element("div", { className: "candidate" }, ...row));
  });
  const share = Math.abs(1 - error / Math.max(plain, 1e-9));
  const verdict = `${hfSsl.percent(share)} ${error <= plain ? "less" : "more"} than painting every hidden patch in the mean colour.`;
  place.replaceChildren(
    hfSsl.element("h3", {}, "Error of the hidden pixels"),
    hfSsl.element("ol", { className: "candidates" }, ...bars),
    hfSsl.element("p", { className: "note" }, verdict),
  );
};

/**
 * The column that paints patches. onImage(): called when the image has changed.
 * @returns {parts: its elements, image(): data URI or null, load(row), start()}
 */
hfSsl.picturePanel = function (data, onImage) {
  const side = data.image_size / data.patch_size;
  const state = { image: null, hidden: [], ratio: data.mask_ratio, seed: 0 };
  let model = data.models[0] ?? null;
  const patches = hfSsl.patches(side, (index) => {
    const { hidden } = state;
    state.hidden = hidden.includes(index) ? hidden.filter((i) => i !== index) : [...hidden, index];
    state.ratio = 0; // from here on the patches are the person's own
    showHidden();
    paint();
  });
  const original = hfSsl.picture("Original", model ? patches.element : "");
  const masked = hfSsl.picture("What the model sees");
  const painted = hfSsl.picture("What it paints");
  const errors = hfSsl.element("div", { className: "errors", "aria-live": "polite" });
  const note = hfSsl.element("p", { className: "note" });
  const pictures = hfSsl.element(
    "div",
    { className: model ? "pictures" : "pictures alone" },
    original,
    ...(model ? [masked, painted] : []),
  );
  const place = hfSsl.element("div", { className: "exercise" }, pictures, errors, note);
  const sources = hfSsl.element("div", { className: "sources" });
  const runPaint = hfSsl.part(place);
  const runImage = hfSsl.part(sources);
  const slider = hfSsl.slider(
    "Hidden",
    { least: 0, most: 90, step: 5, start: 100 * data.mask_ratio, say: (n) => `${n}% of ${side * side} patches` },
    (percent) => {
      Object.assign(state, { ratio: percent / 100, hidden: [] });
      paint();
    },
  );

  /** Show which patches are hidden now. */
  function showHidden() {
    patches.show(state.hidden);
    slider.set(Math.round((100 * state.hidden.length) / side ** 2));
  }

  /** Ask for the masked image and the model's painting. */
  function paint() {
    if (!model || !state.image) return;
    const { image, hidden, ratio, seed } = state;
    runPaint(
      () => hfSsl.ask("reconstruct", image, hidden, ratio, seed, model.name),
      (answer) => {
        state.hidden = answer.hidden;
        showHidden();
        masked.show(answer.masked);
        painted.show(answer.reconstruction);
        hfSsl.showErrors(errors, answer);
        note.textContent = hfSsl.sentence(answer.note);
      },
    );
  }

  /** Take an image: it is shown, painted and placed on the map. */
  function take({ image }) {
    state.image = image;
    original.show(image);
    paint();
    onImage();
  }

  const load = (row) => runImage(() => hfSsl.ask("image_row", row), take);
  const open = (file) => file && runImage(async () => hfSsl.ask("open_image", await hfSsl.upload(file)), take);
  const redraw = () => {
    state.ratio ||= data.mask_ratio;
    Object.assign(state, { hidden: [], seed: state.seed + 1 });
    paint();
  };
  const clear = () => {
    Object.assign(state, { hidden: [], ratio: 0 });
    showHidden();
    paint();
  };
  sources.append(
    hfSsl.element(
      "div",
      { className: "switches" },
      hfSsl.button("Another row", () => load(Math.floor(Math.random() * data.rows.length))),
      hfSsl.fileButton("Open an image", open),
    ),
  );
  hfSsl.takeDrops(place, open);
  const chosen = (name) => {
    model = data.models.find((other) => other.name === name);
    paint();
  };
  const hiding = hfSsl.element(
    "div",
    { className: "hiding" },
    slider,
    hfSsl.element(
      "div",
      { className: "switches" },
      hfSsl.button("Other patches", redraw),
      hfSsl.button("Show all", clear),
    ),
  );
  const hint = data.hint ? hfSsl.element("p", { className: "hint" }, data.hint) : null;
  const advice = hfSsl.element(
    "p",
    { className: "advice" },
    "Click patches of the original to hide them or show them again.",
  );
  const parts = [hfSsl.choice("Model", data.models, chosen), sources, hint, ...(model ? [hiding, advice] : []), place];
  return { parts: parts.filter(Boolean), image: () => state.image, load, start: () => load(data.first) };
};
