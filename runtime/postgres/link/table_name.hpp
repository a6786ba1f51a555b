// The name of the outbox table, as people write it and as SQL needs it. A value.
#pragma once

#include <string>
#include <string_view>

namespace sluice::postgres {

/// `text` as a quoted SQL identifier, or as a string constant.
std::string quoted_identifier(std::string_view text);
std::string quoted_literal(std::string_view text);

class TableName {
 public:
  /// "Outbox", "public.Outbox", "my schema"."x": split at the first dot outside quotes. Each part is taken as
  /// written, with its case, with or without double quotes. Without a schema: public. Throws Refused if it is
  /// invalid.
  static TableName parse(std::string_view text);

  const std::string& schema() const { return schema_; }
  const std::string& name() const { return name_; }
  /// "public"."Outbox", for statements and messages.
  const std::string& quoted() const { return quoted_; }
  /// The name that Prisma gives to an index or constraint of this table: "Outbox_status_idx".
  std::string object(std::string_view suffix) const;

 private:
  TableName(std::string schema, std::string name);

  std::string schema_;
  std::string name_;
  std::string quoted_;
};

}  // namespace sluice::postgres
