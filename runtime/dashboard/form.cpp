#include "dashboard/form.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sluice::dashboard {

std::string decoded(std::string_view text, bool plus_is_blank) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned int byte = 0;
    if (text[at] == '%' && at + 2 < text.size()) {
      const char* const end = text.data() + at + 3;
      if (std::from_chars(text.data() + at + 1, end, byte, 16).ptr == end) {
        plain += static_cast<char>(byte);
        at += 2;
        continue;
      }
    }
    plain += plus_is_blank && text[at] == '+' ? ' ' : text[at];
  }
  return plain;
}

std::string encoded(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string code;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        byte < 128 && (std::isalnum(byte) != 0 || std::string_view("-_.~").find(c) != std::string_view::npos);
    if (plain) {
      code += c;
    } else {
      code += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return code;
}

Form::Form(std::string_view text) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const auto equals = field.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : field.substr(equals + 1);
    if (!field.empty()) fields_.emplace_back(decoded(field.substr(0, equals), true), decoded(value, true));
  }
}

std::string Form::value(const std::string& name) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const auto& one) { return one.first == name; });
  return found == fields_.end() ? std::string() : found->second;
}

bool Form::has(const std::string& name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& one) { return one.first == name; });
}

std::vector<std::string> Form::values(const std::string& name) const {
  std::vector<std::string> all;
  for (const auto& [key, value] : fields_) {
    if (key == name && !value.empty()) all.push_back(value);
  }
  return all;
}

void Form::set(const std::string& name, const std::string& value) {
  erase(name);
  fields_.emplace_back(name, value);
}

void Form::erase(const std::string& name) {
  std::erase_if(fields_, [&](const auto& one) { return one.first == name; });
}

std::string Form::query() const {
  std::string text;
  for (const auto& [name, value] : fields_) {
    if (!value.empty()) text += (text.empty() ? "?" : "&") + encoded(name) + "=" + encoded(value);
  }
  return text;
}

}  // namespace sluice::dashboard
