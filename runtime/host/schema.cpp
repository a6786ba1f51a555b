#include "host/schema.hpp"

#include "base/text.hpp"
#include "host/json_tree.hpp"
#include "host/schema_rules.hpp"
#include "host/schema_walk.hpp"

namespace sluice::host {

namespace {

/// Each thread reads one document at a time, and keeps the memory for the next.
JsonTree& tree() {
  thread_local JsonTree instance;
  return instance;
}

struct Clearing {
  JsonTree& tree;
  ~Clearing() { tree.clear(); }
};

}  // namespace

struct Schema::Compiled {
  explicit Compiled(std::shared_ptr<const Rules> made) : rules(std::move(made)), walk(*rules) {}

  std::shared_ptr<const Rules> rules;
  SchemaWalk walk;
};

Schema::Schema(const std::string& text) {
  if (!text.empty()) compiled_ = std::make_unique<Compiled>(compile_rules(text));
}

Schema::Schema(const Schema& other)
    : compiled_(other.compiled_ ? std::make_unique<Compiled>(other.compiled_->rules) : nullptr) {}
Schema::Schema(Schema&&) noexcept = default;
Schema::~Schema() = default;

Verdict Schema::check(std::string_view json, const std::string& what, Quotes quotes) {
  if (!compiled_) return {};
  JsonTree& document = tree();
  const Clearing clearing{document};
  if (!document.read(json)) {
    const JsonTree::Failure& failure = document.failure();
    return {what + " is not valid JSON: at byte " + std::to_string(failure.at) + ": " + failure.reason, {}};
  }
  try {
    SchemaWalk::Found found = compiled_->walk.walk(document.root(), document.has_null());
    const auto problem = find_problem(*compiled_->rules, document.root(), {quotes, &found.absent});
    if (problem) return {what + *problem, {}};
    return {std::nullopt, {found.ignored.begin(), found.ignored.end()}};
  } catch (const TooDeep& deep) {
    return {what + " is " + deep.what(), {}};
  }
}

std::string ignored_words(const std::vector<std::string>& ignored) {
  std::string names;
  for (const std::string& name : ignored) names += (names.empty() ? "" : ", ") + base::json_quote(name);
  return names;
}

bool is_json(std::string_view text) {
  JsonTree& document = tree();
  const Clearing clearing{document};
  return document.read(text);
}

}  // namespace sluice::host
