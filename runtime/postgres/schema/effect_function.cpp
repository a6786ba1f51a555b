#include "postgres/schema/effect_function.hpp"

#include <string_view>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

namespace {

constexpr int most_parameters = 32;  // SLUICE_MOST_PARAMETERS of the plugin API

constexpr std::string_view body = R"(DO $grant$
BEGIN
  IF to_regprocedure({function_literal} || '(text, text[])') IS NOT NULL THEN RETURN; END IF;
  IF to_regrole({role_literal}) IS NULL THEN
    RAISE EXCEPTION 'role % does not exist, under which the effects of a plugin are to run: create it, or correct role under [plugin.NAME] in the configuration', {role_literal}
      USING ERRCODE = 'undefined_object';
  END IF;
  CREATE FUNCTION {function}(statement text, parameters text[]) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $effect$
  BEGIN
    EXECUTE statement USING {parameters};
  END;
  $effect$;
  GRANT USAGE, CREATE ON SCHEMA sluice TO {role};
  ALTER FUNCTION {function}(text, text[]) OWNER TO {role};
  REVOKE CREATE ON SCHEMA sluice FROM {role};
  REVOKE EXECUTE ON FUNCTION {function}(text, text[]) FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION {function}(text, text[]) TO CURRENT_USER;
END;
$grant$;
)";

void fill(std::string& text, std::string_view mark, const std::string& value) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
    text.replace(at, mark.size(), value);
  }
}

}  // namespace

std::string effect_function(const std::string& role) {
  return "sluice." + quoted_identifier("as " + role);
}

std::string effect_function_creation(const std::string& role) {
  std::string parameters;
  for (int i = 1; i <= most_parameters; ++i) {
    parameters += (i > 1 ? ", parameters[" : "parameters[") + std::to_string(i) + "]";
  }
  std::string sql(body);
  fill(sql, "{parameters}", parameters);
  fill(sql, "{function_literal}", quoted_literal(effect_function(role)));
  fill(sql, "{role_literal}", quoted_literal(quoted_identifier(role)));
  fill(sql, "{function}", effect_function(role));
  fill(sql, "{role}", quoted_identifier(role));
  return sql;
}

}  // namespace sluice::postgres
