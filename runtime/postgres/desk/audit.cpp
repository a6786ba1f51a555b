#include "postgres/desk/audit.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

constexpr std::size_t most_ids = 100;

std::vector<std::string> first_of(const std::vector<std::string>& ids) {
  return {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), most_ids))};
}

std::optional<std::string> seconds_of(const std::optional<job::Microseconds>& time) {
  if (!time) return std::nullopt;
  return std::to_string(static_cast<double>(bounded_microseconds(*time)) / 1e6);
}

std::optional<std::string> seconds_of(const std::optional<Time>& time) {
  return time ? std::optional(seconds_text(*time)) : std::nullopt;
}

/// Names and values.
std::vector<std::string> in_turn(const Details& details) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : details) {
    texts.push_back(name);
    texts.push_back(value);
  }
  return texts;
}

const char* or_null(const std::optional<std::string>& text) {
  return text ? text->c_str() : nullptr;
}

const char* flag(bool value) {
  return value ? "t" : "f";
}

}  // namespace

std::int64_t Audit::note(pqxx::transaction_base& transaction, const std::string& action,
                         const Details& details, const std::vector<std::string>& ids,
                         std::size_t affected) const {
  if (!actor_) return 0;
  return exec(transaction, sql("note_by_hand"), base::valid_utf8(actor_->name),
              base::valid_utf8(actor_->role), actor_->source, action, array_text(in_turn(details)),
              array_text(first_of(ids)), std::to_string(affected))[0][0]
      .as<std::int64_t>();
}

std::int64_t Audit::begin(pqxx::transaction_base& transaction, const std::string& action,
                          const JobFilter& filter, const std::string& begun) const {
  const auto since = seconds_of(filter.since);
  const auto older_than = seconds_of(filter.older_than);
  const auto from = seconds_of(filter.created_from);
  const auto before = seconds_of(filter.created_before);
  const auto below =
      filter.attempts_below ? std::optional(std::to_string(*filter.attempts_below)) : std::nullopt;
  const FailureLikeness group = filter.alike.value_or(FailureLikeness{});
  return exec(transaction, sql("note_walk"), base::valid_utf8(actor_->name), base::valid_utf8(actor_->role),
              actor_->source, action, array_text(filter.statuses), array_text(filter.types), or_null(since),
              or_null(older_than), or_null(below), base::valid_utf8(filter.code), flag(filter.unscheduled),
              flag(filter.stuck), base::valid_utf8(group.message), base::valid_utf8(group.frame), begun,
              or_null(from), or_null(before))[0][0]
      .as<std::int64_t>();
}

void Audit::note(pqxx::transaction_base& transaction, const std::string& action, const JobFilter& filter,
                 Walk& walk, std::size_t changed) const {
  if (!actor_) return;
  if (walk.audit == 0) walk.audit = begin(transaction, action, filter, walk.begun);
  add(transaction, walk.audit, changed, walk.over);
}

void Audit::add(pqxx::transaction_base& transaction, std::int64_t row, std::size_t affected,
                bool over) const {
  if (row == 0) return;
  exec(transaction, sql("add_affected"), std::to_string(row), std::to_string(affected), flag(over));
}

}  // namespace sluice::postgres
