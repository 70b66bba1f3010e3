/** An index to list the attempts of one organization. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `CREATE INDEX attempts_organization ON attempts (organization_id, begin_time, id)`,
];

export const attemptsOfOrganizations = { name: "0009-attempts-of-organizations", statements: STATEMENTS };
