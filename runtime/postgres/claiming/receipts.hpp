// Which rows a runtime has, though they are pending: a claim names them, not all of whose jobs are marked.
// Whatever says what waits leaves them out by these. Inside runtime/postgres only.
#pragma once

#include <string>

namespace sluice::postgres {

/// A condition: row `o` of the outbox is pending, and a claim names it.
inline std::string is_claimed() {
  return "(o.status = 'pending' AND o.id IN (SELECT i FROM sluice.claim c, unnest(c.ids) i WHERE NOT "
         "c.marked))";
}

/// A condition that finds such rows by their ids, whatever the planner thinks of the index on status.
inline std::string claimed_rows() {
  return "o.status IS NOT DISTINCT FROM 'pending' AND o.id = ANY (ARRAY (SELECT i FROM sluice.claim c, "
         "unnest(c.ids) i WHERE NOT c.marked))";
}

/// An expression: the status that row `o` is shown with.
inline std::string shown_status() {
  return "CASE WHEN " + is_claimed() + " THEN 'processing' ELSE o.status END";
}

}  // namespace sluice::postgres
