/** Addresses, phone numbers and wallets of persons: which one is primary, and their ids. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorJson, send, type UserJson } from "../support/clients.ts";
import { create, emailsOf, patch, phonesOf, startClerk, userIn } from "../support/persons.ts";

test("several addresses: the first is the profile's, another one can replace it, and ids stay", async (t) => {
  const { url, users } = await startClerk(t);
  const { id } = await create(url, {
    email_address: ["a@x.org", "b@x.org", "c@x.org"],
    email_address_identification_status: ["verified", "verified", "reserved"],
  });
  const made = userIn(await send(url, `/users/${id}`));
  const shown = (user: UserJson) =>
    emailsOf(user).map((each) => [each.email_address, each.reserved, each.verification?.status ?? null]);
  const expected = [
    ["a@x.org", false, "verified"],
    ["b@x.org", false, "verified"],
    ["c@x.org", true, null],
  ];
  assert.deepEqual(shown(made), expected);
  const ids = emailsOf(made).map((each) => each.id);
  assert.equal(new Set(ids).size, 3);
  for (const each of ids) assert.match(each, /^idn_[0-9a-f]{27}$/);
  assert.equal(made.primary_email_address_id, ids[0]);

  const switched = await patch(url, id, { primary_email_address_id: ids[1] });
  assert.equal(switched.primary_email_address_id, ids[1]);
  assert.deepEqual(shown(switched), expected);
  assert.deepEqual(
    emailsOf(switched).map((each) => each.id),
    ids,
  );
  const { user } = await users.getUser({ userId: id });
  const { email, emailVerified } = user?.profile ?? {};
  assert.deepEqual({ email, emailVerified }, { email: "b@x.org", emailVerified: true });

  for (const [value, why] of [
    [ids[2], "is not verified"],
    ["idn_0", "is nobody's"],
  ]) {
    const { status, json } = await send(url, `/users/${id}`, {
      method: "PATCH",
      body: { primary_email_address_id: value },
    });
    const [error] = (json as ErrorJson).errors;
    assert.deepEqual(
      [status, error?.code, error?.meta?.param_name],
      [422, "form_param_value_invalid", "primary_email_address_id"],
      why,
    );
  }
  assert.equal((await patch(url, id, { primary_email_address_id: null })).primary_email_address_id, ids[1]);
});

test("phone numbers behave like addresses", async (t) => {
  const { url, users } = await startClerk(t);
  const { id } = await create(url, { phone_number: ["+15555550100", "+15555550101"] });
  const made = userIn(await send(url, `/users/${id}`));
  const [first, second] = phonesOf(made);
  assert.deepEqual(
    [first?.phone_number, first?.verification?.status, made.primary_phone_number_id],
    ["+15555550100", "verified", first?.id],
  );
  const switched = await patch(url, id, { primary_phone_number_id: second?.id });
  assert.equal(switched.primary_phone_number_id, second?.id);
  assert.equal(phonesOf(switched).length, 2);
  assert.equal((await users.getUser({ userId: id })).user?.profile?.phone, "+15555550101");
});

test("no wallet can become the primary one", async (t) => {
  const { url } = await startClerk(t);
  const { id } = await create(url, {});
  const { status, json } = await send(url, `/users/${id}`, {
    method: "PATCH",
    body: { primary_web3_wallet_id: "idn_1" },
  });
  const [error] = (json as ErrorJson).errors;
  assert.deepEqual([status, error?.meta?.param_name], [422, "primary_web3_wallet_id"]);
});
