#include "trust/vetting.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "base/refusal.hpp"
#include "base/small_file.hpp"
#include "base/usage_error.hpp"
#include "trust/digest.hpp"
#include "trust/lock_file.hpp"
#include "trust/sealed_file.hpp"

namespace sluice::trust {

namespace {

constexpr std::size_t longest_signature = 8192;

/// What vouches for a file.
struct Evidence {
  std::optional<std::string> digest;
  std::optional<std::string> signature;

  bool any() const { return digest || signature; }
};

std::optional<std::string> locked_digest(const Policy& policy, const std::filesystem::path& path) {
  const std::string directory = path.parent_path().string();
  const auto lock = read_lock(directory);
  if (!lock) return std::nullopt;
  base::check_ownership(directory + "/" + lock_name, std::string("the lock file ") + lock_name,
                        policy.ownership);
  const auto entry = lock->find(path.filename().string());
  return entry == lock->end() ? std::nullopt : std::optional(entry->second);
}

std::optional<std::string> signature_of(const Policy& policy, const std::string& path) {
  const std::string file = path + ".minisig";
  struct stat info {};
  if (policy.keys.empty() || (lstat(file.c_str(), &info) != 0 && errno == ENOENT)) return std::nullopt;
  try {
    return base::read_small_file(file, longest_signature);
  } catch (const base::UsageError& error) {
    throw base::Refusal(std::string("that its signature ") + error.what(), "a file that sluice may read",
                        "sign the plugin again: minisign -S -m FILE");
  }
}

void compare(const std::string& found, const std::string& locked) {
  if (found == locked) return;
  throw base::Refusal(
      "a file whose SHA-256 is " + found, locked + ", as " + lock_name + " says",
      "if the file was changed on purpose, run sluice plugin lock DIRECTORY; else restore it");
}

}  // namespace

base::Descriptor vet(const Policy& policy, const std::string& path, int file) {
  const Evidence evidence{locked_digest(policy, path), signature_of(policy, path)};
  if (!evidence.any()) {
    if (!policy.strict) return {};
    throw base::Refusal(std::string("a file that neither ") + lock_name + " nor a signature vouches for",
                        "one of them, because [plugins] strict = true",
                        policy.keys.empty()
                            ? "if you trust the file, run sluice plugin lock DIRECTORY"
                            : "sign it (minisign -S -m FILE), or, if you trust it, run sluice plugin lock "
                              "DIRECTORY");
  }
  base::check_ownership(path, "a file", policy.ownership);
  SealedFile copy(file, path);
  if (evidence.digest) compare(sha256(copy.content()), *evidence.digest);
  if (evidence.signature)
    verify(copy.content(), std::filesystem::path(path).filename().string(), *evidence.signature, policy.keys);
  return copy.release();
}

}  // namespace sluice::trust
