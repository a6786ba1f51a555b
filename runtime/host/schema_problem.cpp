#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/text.hpp"
#include "host/json_tree.hpp"
#include "host/schema_rules.hpp"

namespace sluice::host {

namespace {

using rapidjson::SizeType;
using rapidjson::Value;

constexpr std::size_t longest_quote = 60;
constexpr std::size_t most_choices = 5;
constexpr std::size_t longest_list = 300;

std::string json_of(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string brief(const Value& value) {
  if (value.IsObject()) return "an object";
  if (value.IsArray()) return "an array";
  if (value.IsString()) return base::json_quote(base::shortened(view(value), longest_quote));
  return json_of(value);
}

/// "a, b or c"
std::string listed(const std::vector<std::string>& words, const char* last = " or ") {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += i + 1 == words.size() ? last : ", ";
    list += words[i];
  }
  return list;
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string kind_words(std::uint8_t kinds) {
  if (kinds == 0) return "nothing";
  std::vector<std::string> words;
  for (const auto& [kind, word] :
       std::initializer_list<std::pair<Kind, const char*>>{{string_kind, "a string"},
                                                           {boolean_kind, "true or false"},
                                                           {array_kind, "an array"},
                                                           {object_kind, "an object"}}) {
    if ((kinds & kind) != 0) words.emplace_back(word);
  }
  if ((kinds & fraction_kind) != 0) {
    words.emplace_back("a number");
  } else if ((kinds & whole_kind) != 0) {
    words.emplace_back("a whole number");
  }
  if ((kinds & null_kind) != 0) words.emplace_back("null");
  return listed(words);
}

/// "a string of 15 characters": nothing of the value itself.
std::string kind_and_size(const Value& value) {
  if (value.IsString()) {
    const std::size_t length = base::character_count(view(value));
    return "a string of " + std::to_string(length) + (length == 1 ? " character" : " characters");
  }
  if (value.IsNumber()) return "a number";
  return value.IsBool() ? "a boolean" : brief(value);
}

/// Below 0, 0 or above 0, as a is less than, equal to or greater than b. 64-bit integers are compared
/// exactly.
int compared(const Value& a, const Value& b) {
  const auto wide = [](const Value& value) -> long double {
    if (value.IsInt64()) return static_cast<long double>(value.GetInt64());
    if (value.IsUint64()) return static_cast<long double>(value.GetUint64());
    return value.GetDouble();
  };
  return wide(a) < wide(b) ? -1 : wide(a) > wide(b) ? 1 : 0;
}

/// 0.3 is a multiple of 0.1, although not in binary.
bool is_multiple(const Value& value, const Value& of) {
  if (value.IsUint64() && of.IsUint64()) return value.GetUint64() % of.GetUint64() == 0;
  if (value.IsInt64() && of.IsInt64()) return value.GetInt64() % of.GetInt64() == 0;
  const double quotient = value.GetDouble() / of.GetDouble();
  constexpr double tolerance = 4e-16;
  return std::isfinite(quotient) &&
         std::fabs(quotient - std::nearbyint(quotient)) <= tolerance * std::max(1.0, std::fabs(quotient));
}

struct Problem {
  std::string pointer;
  std::string expected;
  std::string found;
  std::size_t depth = 0;
  bool of_choice = false;  ///< a constant, or one of several
};

/// One check of a value against the rules. Without `problems` it ends at the first problem. With them it
/// collects the problems of each rule.
class Examination {
 public:
  Examination(const Rules& rules, std::vector<Problem>* problems = nullptr, Words words = {})
      : rules_(rules), problems_(problems), words_(words) {}

  bool passes(RuleIndex index, const Value& value, const Place* place) {
    if (++depth_ > TooDeep::limit) throw TooDeep();
    const bool passed = passes_rule(rules_[index], value, place);
    --depth_;
    return passed;
  }

 private:
  bool passes_rule(const Rule& rule, const Value& value, const Place* place) {
    const Kind kind = kind_of(value);
    if ((rule.kinds & kind) == 0) return wrong_kind(rule, value, place);
    bool good = passes_choices(rule, value, place);
    if (!good && problems_ == nullptr) return false;
    if (kind == string_kind) {
      good = passes_text(rule, value, place) && good;
    } else if (kind == object_kind) {
      good = passes_object(rule, value, place) && good;
    } else if (kind == array_kind) {
      good = passes_array(rule, value, place) && good;
    } else if (kind == whole_kind || kind == fraction_kind) {
      good = passes_number(rule, value, place) && good;
    }
    if (!good && problems_ == nullptr) return false;
    return passes_parts(rule, value, place) && good;
  }

  bool problem(const Place* place, std::string expected, std::string found, bool of_choice = false) {
    std::size_t depth = 0;
    for (const Place* at = place; at != nullptr; at = at->parent) ++depth;
    if (problems_->size() < most_problems)
      problems_->push_back({pointer_of(place), std::move(expected), std::move(found), depth, of_choice});
    return false;
  }
  std::string found_text(const Value& value) const {
    if (words_.quotes == Quotes::nothing) return kind_and_size(value);
    if (!value.IsString() || words_.quotes == Quotes::all) return brief(value);
    return "a different string";
  }

  bool wrong_kind(const Rule& rule, const Value& value, const Place* place) {
    if (problems_ == nullptr) return false;
    if (rule.kinds == 0) return problem(place, "nothing here", found_kind(value));
    return problem(place, expectation(rule), found_kind(value));
  }
  std::string found_kind(const Value& value) const {
    if (value.IsString()) return "a string";
    if (words_.quotes == Quotes::nothing) return kind_and_size(value);
    return value.IsNumber() ? "the number " + json_of(value) : brief(value);
  }

  bool passes_choices(const Rule& rule, const Value& value, const Place* place) {
    if (rule.constant != nullptr && !same(value, *rule.constant)) {
      return problems_ != nullptr && problem(place, brief(*rule.constant), found_text(value), true);
    }
    if (rule.choices == nullptr) return true;
    const bool found = std::any_of(rule.choices->Begin(), rule.choices->End(),
                                   [&](const Value& one) { return same(value, one); });
    return found || (problems_ != nullptr && problem(place, choices(*rule.choices), found_text(value), true));
  }
  static std::string choices(const Value& values) {
    std::vector<std::string> words;
    for (const Value& one : values.GetArray()) {
      if (words.size() == 20) {
        words.push_back("one of " + std::to_string(values.Size() - 20) + " others");
        break;
      }
      words.push_back(brief(one));
    }
    return (words.size() > 1 ? "one of " : "") + listed(words);
  }

  bool passes_number(const Rule& rule, const Value& value, const Place* place) {
    bool good = true;
    for (const Rule::Bound& bound : rule.bounds) {
      const int order = compared(value, *bound.value);
      if (order == 0 ? !bound.exclusive : (order < 0) == bound.upper) continue;
      if (problems_ == nullptr) return false;
      const char* const words = bound.exclusive ? (bound.upper ? "less than " : "more than ")
                                                : (bound.upper ? "at most " : "at least ");
      good = problem(place, words + json_of(*bound.value), found_text(value));
    }
    if (rule.multiple_of != nullptr && !is_multiple(value, *rule.multiple_of)) {
      return problems_ != nullptr &&
             problem(place, "a multiple of " + json_of(*rule.multiple_of), found_text(value));
    }
    return good;
  }

  bool passes_text(const Rule& rule, const Value& value, const Place* place) {
    if (rule.min_length > 0 || rule.max_length != unlimited) {
      const std::size_t length = base::character_count(view(value));
      if (!passes_size(length, rule.min_length, rule.max_length, "character", place)) return false;
    }
    if (rule.pattern && !finds(*rule.pattern, view(value))) {
      return problems_ != nullptr &&
             problem(place,
                     "a string that matches " + base::shortened(view((*rule.text)["pattern"]), longest_list),
                     found_text(value));
    }
    if (rule.format == nullptr || rule.format->fits(view(value))) return true;
    return problems_ != nullptr && problem(place, rule.format->meaning, found_text(value));
  }

  bool passes_size(std::size_t size, std::size_t least, std::size_t most, const char* what,
                   const Place* place) {
    if (size >= least && size <= most) return true;
    if (problems_ == nullptr) return false;
    return problem(place,
                   size < least ? "at least " + counted(least, what) : "at most " + counted(most, what),
                   counted(size, what));
  }

  bool passes_array(const Rule& rule, const Value& value, const Place* place) {
    bool good = passes_size(value.Size(), rule.min_elements, rule.max_elements, "element", place);
    if (!good && problems_ == nullptr) return false;
    for (SizeType i = 0; i < value.Size(); ++i) {
      const RuleIndex element = i < rule.tuple.size() ? rule.tuple[i] : rule.elements;
      if (element == no_rule) break;
      const Place here{place, nullptr, i};
      good = passes(element, value[i], &here) && good;
      if (!good && (problems_ == nullptr || problems_->size() >= most_problems)) return false;
    }
    if (rule.contains != no_rule && !passes_contains(rule, value, place)) return false;
    return (!rule.unique || passes_unique(value, place)) && good;
  }

  bool passes_contains(const Rule& rule, const Value& value, const Place* place) {
    const auto count =
        static_cast<std::size_t>(std::count_if(value.Begin(), value.End(), [&](const Value& one) {
          return silently([&] { return passes(rule.contains, one, nullptr); });
        }));
    if (count >= rule.min_contains && count <= rule.max_contains) return true;
    if (problems_ == nullptr) return false;
    const bool few = count < rule.min_contains;
    return problem(place,
                   std::string(few ? "at least " : "at most ") +
                       counted(few ? rule.min_contains : rule.max_contains, "element") +
                       " of this kind: " + expectation(rules_[rule.contains]),
                   std::to_string(count));
  }

  bool passes_unique(const Value& value, const Place* place) {
    std::unordered_multimap<std::uint64_t, SizeType> seen;
    for (SizeType i = 0; i < value.Size(); ++i) {
      const std::uint64_t hash = hash_of(value[i]);
      const auto [begin, end] = seen.equal_range(hash);
      const auto twin =
          std::find_if(begin, end, [&](const auto& one) { return same(value[one.second], value[i]); });
      if (twin != end) {
        return problems_ != nullptr && problem(place, "elements that differ",
                                               "elements " + std::to_string(twin->second) + " and " +
                                                   std::to_string(i) + " that are the same");
      }
      seen.emplace(hash, i);
    }
    return true;
  }

  bool passes_object(const Rule& rule, const Value& value, const Place* place) {
    bool good = passes_required(rule, rule.required, value, place, "");
    if (!good && problems_ == nullptr) return false;
    if (!passes_size(value.MemberCount(), rule.min_members, rule.max_members, "member", place)) return false;
    for (const auto& [name, member] : value.GetObject()) {
      const Place here{place, &name, 0};
      good = passes_member(rule, view(name), member, here) && good;
      if (!good && problems_ == nullptr) return false;
      if (rule.names != no_rule) good = passes_name(rule, name, here) && good;
    }
    for (const Rule::Dependency& dependency : rule.dependencies) {
      if (!has(value, dependency.name)) continue;
      good = passes_required(rule, dependency.required, value, place, dependency.name) && good;
      if (dependency.rule != no_rule) good = passes(dependency.rule, value, place) && good;
    }
    return good;
  }

  bool is_null(const Place& member) const {
    return words_.absent != nullptr && words_.absent->contains(pointer_of(&member));
  }
  static bool has(const Value& object, const std::string& name) {
    return object.FindMember(Value(rapidjson::StringRef(name.data(), name.size()))) != object.MemberEnd();
  }

  bool passes_required(const Rule& rule, const std::vector<std::string>& names, const Value& value,
                       const Place* place, const std::string& beside) {
    bool good = true;
    for (const std::string& name : names) {
      if (has(value, name)) continue;
      if (problems_ == nullptr) return false;
      const Value key(rapidjson::StringRef(name.data(), name.size()));
      const Place here{place, &key, 0};
      const RuleIndex property = rule.property(name);
      const std::string wanted = property == no_rule ? "a value" : expectation(rules_[property]);
      good = problem(&here,
                     wanted + (beside.empty() ? "" : ", because " + base::json_quote(beside) + " is present"),
                     is_null(here) ? "null" : "nothing");
    }
    return good;
  }

  bool passes_name(const Rule& rule, const Value& name, const Place& place) {
    if (silently([&] { return passes(rule.names, name, nullptr); })) return true;
    return problems_ != nullptr &&
           problem(&place,
                   "a member name that matches " +
                       base::shortened(json_of(*rules_[rule.names].text), longest_list),
                   brief(name));
  }

  bool passes_member(const Rule& rule, std::string_view name, const Value& member, const Place& place) {
    bool good = true;
    rule.for_member(name, [&](RuleIndex one) {
      if (!good && problems_ == nullptr) return;
      if (one == rule.additional && rules_[one].kinds == 0 && rule.property(name) == no_rule) {
        good =
            problems_ != nullptr && problem(&place, "no such member" + taken_names(rule), found_kind(member));
      } else {
        good = passes(one, member, &place) && good;
      }
    });
    return good;
  }
  static std::string taken_names(const Rule& rule) {
    std::vector<std::string> names;
    std::size_t size = 0;
    for (const Rule::Property& property : rule.properties) {
      names.push_back(base::json_quote(property.name));
      size += names.back().size() + 2;
      if (size <= longest_list) continue;
      names.back() = "others";
      break;
    }
    return names.empty() ? "" : " (known members: " + listed(names, " and ") + ")";
  }

  bool passes_parts(const Rule& rule, const Value& value, const Place* place) {
    bool good = true;
    for (const RuleIndex part : rule.all_of) {
      good = passes(part, value, place) && good;
      if (!good && problems_ == nullptr) return false;
    }
    if (!rule.any_of.empty() && !passes_one(rule.any_of, value, place, false)) return false;
    if (!rule.one_of.empty() && !passes_one(rule.one_of, value, place, true)) return false;
    if (rule.negated != no_rule && silently([&] { return passes(rule.negated, value, nullptr); })) {
      return problems_ != nullptr &&
             problem(place,
                     "a value that does not match " +
                         base::shortened(json_of(*rules_[rule.negated].text), longest_list),
                     found_text(value));
    }
    if (rule.condition == no_rule) return good;
    const bool met = silently([&] { return passes(rule.condition, value, nullptr); });
    const RuleIndex next = met ? rule.consequence : rule.alternative;
    return (next == no_rule || passes(next, value, place)) && good;
  }

  template <class Step>
  bool silently(Step step) {
    std::vector<Problem>* const problems = std::exchange(problems_, nullptr);
    const bool result = step();
    problems_ = problems;
    return result;
  }

  bool passes_one(const std::vector<RuleIndex>& options, const Value& value, const Place* place,
                  bool exactly) {
    std::vector<RuleIndex> fitting;
    for (const RuleIndex option : options) {
      if (!silently([&] { return passes(option, value, nullptr); })) continue;
      if (!exactly) return true;
      fitting.push_back(option);
      if (fitting.size() > 1 && problems_ == nullptr) return false;
    }
    if (fitting.size() == 1) return true;
    if (problems_ == nullptr) return false;
    if (fitting.empty()) return none_fits(options, value, place);
    std::vector<std::string> words;
    words.reserve(options.size());
    for (const RuleIndex option : options) words.push_back(expectation(rules_[option]));
    return problem(place, "only one of: " + alternatives(words), std::to_string(fitting.size()) + " of them");
  }

  static std::string alternatives(std::vector<std::string> words) {
    std::vector<std::string> different;
    for (std::string& word : words) {
      if (std::find(different.begin(), different.end(), word) == different.end())
        different.push_back(std::move(word));
    }
    if (different.size() > most_choices) {
      const std::size_t more = different.size() - most_choices;
      different.resize(most_choices);
      different.push_back("one of " + std::to_string(more) + " others");
    }
    return base::shortened(listed(different), longest_list);
  }

  /// Among the options for values of this kind, the nearest one supplies the problem. If none is nearer than
  /// another, the problem lists what they expect.
  bool none_fits(const std::vector<RuleIndex>& options, const Value& value, const Place* place) {
    std::vector<std::vector<Problem>> of_kind;
    std::vector<std::string> words;
    for (const RuleIndex option : options) {
      words.push_back(expectation(rules_[option]));
      std::vector<Problem> problems;
      std::vector<Problem>* const outer = std::exchange(problems_, &problems);
      passes(option, value, place);
      problems_ = outer;
      if ((kinds_of(rules_[option]) & kind_of(value)) != 0 && !problems.empty())
        of_kind.push_back(std::move(problems));
    }
    const auto nearness = [](const std::vector<Problem>& problems) {
      std::size_t deepest = 0;
      bool right_one = true;  // no constant that distinguishes the options shows that another option is meant
      for (const Problem& one : problems) {
        deepest = std::max(deepest, one.depth);
        right_one = right_one && !one.of_choice;
      }
      return std::pair(right_one, deepest);
    };
    const auto nearer = [&](const auto& a, const auto& b) { return nearness(a) < nearness(b); };
    const auto best = std::max_element(of_kind.begin(), of_kind.end(), nearer);
    const bool one_is_best =
        best != of_kind.end() && std::all_of(of_kind.begin(), of_kind.end(), [&](const auto& other) {
          return &other == &*best || nearer(other, *best);
        });
    if (!one_is_best) {
      return of_kind.empty() ? problem(place, alternatives(words), found_kind(value))
                             : all_say(of_kind, place, value);
    }
    problems_->insert(problems_->end(), best->begin(), best->end());
    return false;
  }

  /// All options have a problem with the same place.
  bool all_say(const std::vector<std::vector<Problem>>& options, const Place* place, const Value& value) {
    std::vector<std::string> words;
    const std::string here = pointer_of(place);
    for (const auto& problems : options) {
      const Problem& first = problems.front();
      const std::string below = first.pointer.substr(std::min(here.size(), first.pointer.size()));
      words.push_back(below.empty() ? first.expected
                      : first.found == "nothing" || first.found == "null"
                          ? "the member " + base::json_quote(below.substr(1))
                          : first.expected + " at " + base::json_quote(first.pointer));
    }
    return problem(place, alternatives(words), found_text(value));
  }

  std::uint8_t kinds_of(const Rule& rule) const {
    std::uint8_t kinds = rule.kinds;
    for (const RuleIndex part : rule.all_of) kinds &= kinds_of(rules_[part]);
    return kinds;
  }

  /// What a rule expects, in a few words.
  std::string expectation(const Rule& rule) const {
    if (rule.constant != nullptr) return brief(*rule.constant);
    if (rule.choices != nullptr) return choices(*rule.choices);
    if (rule.format != nullptr) return rule.format->meaning;
    if (rule.kinds != any_kind) return kind_words(rule.kinds);
    for (const RuleIndex part : rule.all_of) {
      std::string words = expectation(rules_[part]);
      if (words != anything) return words;
    }
    for (const auto* options : {&rule.any_of, &rule.one_of}) {
      std::vector<std::string> words;
      for (const RuleIndex option : *options) words.push_back(expectation(rules_[option]));
      if (!words.empty()) return alternatives(words);
    }
    if (rule.required.empty()) return anything;
    std::vector<std::string> names;
    for (const std::string& name : rule.required) names.push_back(base::json_quote(name));
    return (names.size() == 1 ? "the member " : "the members ") +
           base::shortened(listed(names, " and "), longest_list);
  }

  static constexpr std::size_t most_problems = 50;
  static constexpr const char* anything = "a value";

  const Rules& rules_;
  std::vector<Problem>* problems_;
  const Words words_;
  int depth_ = 0;
};

}  // namespace

std::string pointer_of(const Place* place) {
  if (place == nullptr) return "";
  return pointer_of(place->parent) + "/" +
         (place->name != nullptr ? base::pointer_token(view(*place->name)) : std::to_string(place->index));
}

bool fits(const Rules& rules, RuleIndex rule, const rapidjson::Value& value) {
  return Examination(rules).passes(rule, value, nullptr);
}

std::optional<std::string> find_problem(const Rules& rules, const rapidjson::Value& value,
                                        const Words& words) {
  if (fits(rules, rules.root, value)) return std::nullopt;
  std::vector<Problem> problems;
  Examination(rules, &problems, words).passes(rules.root, value, nullptr);
  const Problem& first = problems.front();
  const std::string pointer = base::json_quote(base::shortened(first.pointer, longest_list));
  return (first.pointer.empty() ? " at its root (JSON pointer \"\")" : " at JSON pointer " + pointer) +
         ": expected " + first.expected + ", found " + first.found;
}

}  // namespace sluice::host
