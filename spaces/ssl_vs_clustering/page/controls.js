// Controls are the browser's own, so that keyboard, touch and screen readers work as people know them.
window.hfSsl ??= {};

/** A control under its label. */
hfSsl.labelled = function (label, control, after = null) {
  control.id = hfSsl.uniqueName("control");
  const name = hfSsl.element("label", { htmlFor: control.id }, label);
  return hfSsl.element(
    "div",
    { className: "control" },
    hfSsl.element("div", { className: "name" }, name, after ?? ""),
    control,
  );
};

/** A choice of one among {name, title}; those with a family stand under its heading. */
hfSsl.choice = function (label, options, onChange) {
  const families = {
    baseline: "Without a network",
    untrained: "Untrained network",
    pretrained: "Pretrained on this kind of data",
  };
  const made = hfSsl.element("select", { onchange: () => onChange(made.value) });
  const groups = {};
  for (const { name, title, family } of options) {
    const option = hfSsl.element("option", { value: name }, title);
    if (family) groups[family] ??= made.appendChild(hfSsl.element("optgroup", { label: families[family] ?? family }));
    (groups[family] ?? made).append(option);
  }
  made.value = options[0]?.name; // families may stand in another order than the options
  const control = hfSsl.labelled(label, made);
  control.classList.toggle("away", options.length < 2);
  return control;
};

/** A number between two others, written beside its label; onChange is called once it rests. */
hfSsl.slider = function (label, { least, most, start, step = 1, say = String }, onChange) {
  const number = hfSsl.element("output", {}, say(start));
  const rested = hfSsl.debounced(onChange);
  const input = hfSsl.element("input", { type: "range", min: least, max: most, step, value: start });
  input.addEventListener("input", () => {
    number.textContent = say(Number(input.value));
    rested(Number(input.value));
  });
  const control = hfSsl.labelled(label, input, number);
  number.htmlFor = input.id;
  control.set = (value) => {
    input.value = value;
    number.textContent = say(value);
  };
  return control;
};

/** One of a few, all in sight: a row of radio buttons. */
hfSsl.either = function (label, options, onChange) {
  const name = hfSsl.uniqueName("either");
  const choices = options.map((option, index) =>
    hfSsl.element(
      "label",
      {},
      hfSsl.element("input", {
        type: "radio",
        name,
        value: option.name,
        checked: index === 0,
        onchange: () => onChange(option.name),
      }),
      hfSsl.element("span", {}, option.title),
    ),
  );
  const legend = hfSsl.element("legend", {}, label);
  return hfSsl.element("fieldset", { className: "either control" }, legend, hfSsl.element("div", {}, ...choices));
};

/** Something that is on or off. */
hfSsl.toggle = function (label, onChange) {
  const input = hfSsl.element("input", { type: "checkbox", role: "switch", onchange: () => onChange(input.checked) });
  return hfSsl.element("label", { className: "toggle" }, input, hfSsl.element("span", {}, label));
};

/** A button with words on it. */
hfSsl.button = (text, onclick) => hfSsl.element("button", { type: "button", className: "plain", onclick }, text);
