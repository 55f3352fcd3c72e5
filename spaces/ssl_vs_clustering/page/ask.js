// Questions to the server by Gradio's HTTP interface: one request leaves the question, another one reads the answer's events.
window.hfSsl ??= {};

/** The address of a path of this app. */
hfSsl.address = (path) => `${window.gradio_config?.root ?? ""}/gradio_api/${path}`;

/** The request's response; a server that is away or busy, or for which it is too large, is an error with a sentence. */
hfSsl.request = async function (path, options, tooLarge = "The question is larger than the demo takes.") {
  let response;
  try {
    response = await fetch(hfSsl.address(path), options);
  } catch {
    throw new Error("The demo cannot be reached; is it still running?");
  }
  if ([429, 503].includes(response.status)) throw new Error("The demo is busy; try again in a moment.");
  if (response.status === 413) throw new Error(tooLarge);
  if (!response.ok) throw new Error(`The demo did not take the question (status ${response.status}).`);
  return response;
};

/** The answer in a finished stream of events. */
hfSsl.answerOf = function (events) {
  for (const event of events.split(/\r?\n\r?\n/)) {
    const kind = /^event: ?(.*)$/m.exec(event)?.[1];
    const content = /^data: ?(.*)$/m.exec(event)?.[1];
    if (kind === "complete") return JSON.parse(content)[0];
    if (kind === "error") {
      const sentence = JSON.parse(content ?? "null");
      throw new Error(sentence?.error ?? "Something went wrong in the demo; try again, or try something else.");
    }
  }
  throw new Error("The answer was cut short; try again.");
};

/** Ask an endpoint of the server; resolves with its answer, rejects with a sentence. */
hfSsl.ask = async function (name, ...values) {
  const question = await hfSsl.request(`call/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data: values }),
  });
  const { event_id: event } = await question.json();
  const response = await hfSsl.request(`call/${name}/${event}`);
  let events;
  try {
    events = await response.text();
  } catch {
    throw new Error("The answer was cut short; is the demo still running?");
  }
  return hfSsl.answerOf(events);
};

/** Put a file on the server; resolves with what an endpoint takes for it. */
hfSsl.upload = async function (file) {
  const megabytes = (bytes) => bytes / 2 ** 20;
  const has = `The file has ${(Math.ceil(10 * megabytes(file.size)) / 10).toFixed(1)} MB`;
  const most = hfSsl.mostUploaded; // bytes, from the server
  if (file.size > most) throw new Error(`${has}; at most ${megabytes(most)} MB are allowed.`);
  const form = new FormData();
  form.append("files", file);
  const response = await hfSsl.request("upload", { method: "POST", body: form }, `${has}, more than the demo takes.`);
  const [path] = await response.json();
  return { path, orig_name: file.name, meta: { _type: "gradio.FileData" } };
};
