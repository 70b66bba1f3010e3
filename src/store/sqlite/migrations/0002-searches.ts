/** Indexes for searches by offset: counts exclude deleted users, and a walk reads an organization's users by id. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `CREATE INDEX user_state_deleted ON user_state (organization_id) WHERE state = 'DELETED'`,
  `CREATE INDEX user_profile_organization_id ON user_profile (organization_id, id)`,
];

export const searches = { name: "0002-searches", statements: STATEMENTS };
