// What the npm client does, as one JSON object on stdout: a name for each step, and its outcome.
const algorithmia = require('algorithmia');

const [algorithm, folder, upload] = process.argv.slice(2);
const client = algorithmia.client(process.env.KEY);
const wrong = algorithmia.client('simwrong');
const outcomes = {};

const ask = (begin) => new Promise((resolve) => begin((...said) => resolve(said)));
const pipe = (path, input, who = client) =>
  new Promise((resolve) => who.algo(path).pipe(input).then(resolve));
const result = ({ status, result, error, metadata }) => ({ status, result, error, metadata });

async function calls() {
  outcomes.text = result(await pipe(algorithm, 'you'));
  outcomes.json = result(await pipe(algorithm, { list: [1, 2.5, null], text: 'h\u00e4' }));
  outcomes.nothing = result(await pipe(algorithm, null));
  const binary = await pipe(algorithm, Buffer.from([0, 255, 10, 13]));
  outcomes.binary = [...binary.get()];
  outcomes.json_text = (
    await new Promise((resolve) => client.algo(algorithm).pipeJson('[1,2]').then(resolve))
  ).get();
  outcomes.failure = result(await pipe(algorithm, 'fail'));
  outcomes.timeout = result(await pipe(`${algorithm}?timeout=1`, 'sleep'));
  outcomes.raw = await ask((done) =>
    client.req(`/v1/algo/${algorithm}?output=raw`, 'POST', 'you',
      { 'Content-Type': 'text/plain', Accept: 'text/plain' }, done));
  outcomes.missing = result(await pipe(`${algorithm}Nothing`, 'x'));
  outcomes.wrong_key = result(await pipe(algorithm, 'x', wrong));
}

async function data() {
  const dir = client.dir(`data://${folder}`);
  const file = dir.file('text.txt');
  outcomes.no_dir = await ask((done) => dir.exists(done));
  outcomes.create = await ask((done) => dir.create(done));
  outcomes.dir = await ask((done) => dir.exists(done));
  outcomes.no_file = await ask((done) => file.exists(done));
  outcomes.put = await ask((done) => file.putString('h\u00e4llo', done));
  outcomes.file = await ask((done) => file.exists(done));
  outcomes.string = await ask((done) => file.getString(done));
  const json = dir.file('value.json');
  await ask((done) => json.putJson('{"a":[1]}', done));
  outcomes.value = await ask((done) => json.getJson(done));
  const [error, bytes] = await ask((done) => file.get(done));
  outcomes.bytes = [error, Buffer.from(bytes).toString()];
  await ask((done) => dir.putFile(upload, done));
  const [, uploaded] = await ask((done) => dir.file('upload.bin').get(done));
  outcomes.uploaded = [...uploaded.subarray(0, 4), uploaded.length];
  const listed = [];
  await new Promise((resolve) =>
    dir.forEach((problem, item) => listed.push([item.basename(), item.size])).then(resolve));
  outcomes.listed = listed;
  const folders = [];
  const parent = client.dir('data://.my');
  await new Promise((resolve) =>
    parent.forEach((problem, item) => folders.push(item.basename())).then(resolve));
  outcomes.folders = folders;
  outcomes.get_missing = await ask((done) => dir.file('missing').get(done));
  outcomes.delete_missing = await ask((done) => dir.file('missing').delete(done));
  outcomes.delete = await ask((done) => file.delete(done));
  outcomes.delete_full = await ask((done) => dir.delete(false, done));
  outcomes.delete_forced = await ask((done) => dir.delete(true, done));
  outcomes.gone = await ask((done) => dir.exists(done));
}

calls().then(data).then(() => process.stdout.write(JSON.stringify(outcomes)));
