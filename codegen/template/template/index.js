import { render } from '#emit';

/** The generator treats an element as a file if its `type` is a function with this name. */
function File() {}

export default async function ({ asyncapi }) {
  const files = await render(asyncapi);
  return [...files].map(([name, children]) => ({ type: File, props: { name, children } }));
}
