import { serve } from './ready.js';

/** The limit of the runtime: reads the request, and answers the bytes that ANSWERS has for its path. */
const answers = new Map(
  Object.entries(JSON.parse(process.env.ANSWERS)).map(([path, text]) => [path, Buffer.from(text)]),
);

await serve((request, response) => {
  const answer = answers.get(request.url);
  request.resume().on('end', () => {
    response.writeHead(answer ? 200 : 404, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': answer?.length ?? 0,
    });
    response.end(answer);
  });
});
