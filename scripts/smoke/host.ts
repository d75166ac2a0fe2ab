// A host program that embeds the gateway. The smoke test type-checks and runs it.
import { createGateway } from 'tidemark';

const gateway = createGateway();
const { httpUrl } = await gateway.listen({ host: '127.0.0.1', port: 0 });
const result = await gateway.publish('file_change', {
  path: 'src/a.ts',
  root: 'shop',
  changeType: 'modify',
  fileType: 'file',
});
const health = await fetch(`${httpUrl}/ws/health`);
console.log(JSON.stringify({ status: health.status, sequenceId: result.sequenceId }));
await gateway.close();
