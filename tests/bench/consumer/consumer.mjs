// What a vendor writes with npm's sqs-consumer: receive up to ten messages, ask GetEntitlements about
// each, write the answers to a file with one fdatasync, let the library delete the batch.
//
//   node consumer.mjs QUEUE_URL PRODUCT_CODE FILE CONSUMERS
//
// AWS's address and credentials come from AWS's own variables. Prints "ready" once all poll.
import { open } from "node:fs/promises";
import {
  GetEntitlementsCommand,
  MarketplaceEntitlementServiceClient,
} from "@aws-sdk/client-marketplace-entitlement-service";
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

const [queueUrl, productCode, file, consumers] = process.argv.slice(2);
const sqs = new SQSClient({});
const marketplace = new MarketplaceEntitlementServiceClient({});
const record = await open(file, "a");

async function ask(message) {
  const license = JSON.parse(message.Body).detail.license.arn;
  const answer = await marketplace.send(
    new GetEntitlementsCommand({ ProductCode: productCode, Filter: { LICENSE_ARN: [license] } }),
  );
  return JSON.stringify({ license, entitlements: answer.Entitlements }) + "\n";
}

async function handle(messages) {
  await record.appendFile((await Promise.all(messages.map(ask))).join(""));
  await record.datasync();
  return messages;
}

const pool = Array.from({ length: Number(consumers) }, () =>
  Consumer.create({
    queueUrl,
    sqs,
    batchSize: 10,
    waitTimeSeconds: 20,
    pollingWaitTimeMs: 0,
    handleMessageBatch: handle,
  }),
);
for (const consumer of pool) {
  consumer.on("error", (error) => fail(error));
  consumer.on("processing_error", (error) => fail(error));
  consumer.start();
}
process.on("SIGTERM", () => {
  for (const consumer of pool) consumer.stop({ abort: true });
  process.exit(0);
});
console.log("ready");

function fail(error) {
  console.error(error);
  process.exit(1);
}
