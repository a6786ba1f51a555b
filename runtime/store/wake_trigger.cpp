#include "store/wake_trigger.hpp"

namespace sluice::store {

// A runtime that is lost is still in the table for a while: nobody listens for it. An error here would
// be an error of the producer's insert.
std::string wake_function() {
  return std::string(R"(
ALTER TABLE sluice.runtime ADD COLUMN wake boolean NOT NULL DEFAULT false;
CREATE FUNCTION sluice.wake() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $wake$
BEGIN
  IF EXISTS (SELECT FROM sluice.runtime r WHERE r.wake AND r.beat_at > now() - interval '1 minute') THEN
    PERFORM pg_notify(')") +
         wake_channel + R"(', '');
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END;
$wake$;
REVOKE EXECUTE ON FUNCTION sluice.wake() FROM PUBLIC;
)";
}

std::string wake_trigger_query(const TableName& table) {
  return "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = to_regclass(" +
         quoted_literal(table.quoted()) + ") AND t.tgname = 'sluice_wake')";
}

std::string wake_trigger_creation(const TableName& table) {
  return "IF NOT (" + wake_trigger_query(table) + ") THEN\n  CREATE TRIGGER sluice_wake AFTER INSERT ON " +
         table.quoted() + " FOR EACH STATEMENT EXECUTE FUNCTION sluice.wake();\nEND IF;\n";
}

std::string wake_trigger_removal(const TableName& table) {
  return "IF (" + wake_trigger_query(table) + ") THEN\n  DROP TRIGGER sluice_wake ON " + table.quoted() +
         ";\nEND IF;\n";
}

}  // namespace sluice::store
