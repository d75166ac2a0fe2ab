/** The own-events document that `tidemark contract init` writes. */

export const STARTER = `asyncapi: 3.0.0
info: { title: My events, version: 1.0.0 }
x-extends: tidemark # the events of this version; yours are added to them
components:
  messages:
    build_finished: # the name of the event; add further events after this one
      summary: A build ended.
      # Which earlier events a new subscriber receives: none, latest, latest-per-key or log.
      x-replay: { policy: latest-per-key, key: /payload/target }
      # Filter fields: name and pointers to the values. Subscribers write { targets: [web] }.
      x-filterable: { targets: [/payload/target] }
      payload: # a JSON Schema, or { $ref: ./build.schema.json }
        type: object
        required: [target, ok]
        properties: { target: { type: string }, ok: { type: boolean } }
`;
