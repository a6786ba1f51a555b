#include "symbols/rust_name.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "symbols/files.hpp"

namespace sluice::symbols {
namespace {

struct Symbol {
  const char* symbol;
  const char* name;
};
constexpr Symbol symbols[] = {
    {"_RNvCsekZIssdfibn_5hello5start", "hello::start"},
    {"_RNvC5hello5start.llvm.1234", "hello::start"},
    {"_RNCNCNvC1a1bs_00", "a::b::{closure#1}::{closure#0}"},
    {"_RNCNvC1a1bs0_1c", "a::b::{closure:c#2}"},
    {"_RNSNvC1a1b6vtable", "a::b::{shim:vtable#0}"},
    {"_RINvCsekZIssdfibn_5hello4callNCNvB2_5start0EB2_", "hello::call<hello::start::{closure#0}>"},
    {"_RINvCsekZIssdfibn_5hello7genericAnj3_EB2_", "hello::generic<[i128; 3]>"},
    {"_RINvCsekZIssdfibn_5hello7genericFKCEjEB2_", "hello::generic<extern \"C\" fn() -> usize>"},
    {"_RINvC1a1bFG_URL0_hQSmEuE", "a::b<unsafe fn(&u8, &mut [u32])>"},
    {"_RINvC1a1bThEThcbETEE", "a::b<(u8,), (u8, char, bool), ()>"},
    {"_RINvC1a1bPeOzE", "a::b<*const str, *mut !>"},
    {"_RINvC1a1bKj7f_Kan1_Kb1_Kc41_KpE", "a::b<127, -1, true, '\\u{41}', _>"},
    {"_RINvC1a1bKo123456789abcdef01_E", "a::b<0x123456789abcdef01>"},
    {"_RINvCsekZIssdfibn_5hello7genericRDNtB2_5SpeakEL_EB2_", "hello::generic<&dyn hello::Speak>"},
    {"_RINvC1a1bDNtC1c1dNtC1e1fEL_E", "a::b<dyn c::d + e::f>"},
    {"_RINvC1a1bDINtC1c2FnTlEEp6OutputhEL_E", "a::b<dyn c::Fn<(i32,), Output = u8>>"},
    {"_RINvC1a1bDNtC1c8Iteratorp4ItemmEL_E", "a::b<dyn c::Iterator<Item = u32>>"},
    {"_RNvMNtCsgEmfK2I1SDS_4core6optionINtB2_6OptionjE3map", "<core::option::Option<usize>>::map"},
    {"_RNvXCs_5helloINtB2_7GreeterReKj2_ENtB2_5Speak5speak",
     "<hello::Greeter<&str, 2> as hello::Speak>::speak"},
    {"_RNvYhNtC1a1b1c", "<u8 as a::b>::c"},
    {"_RNvNtCsekZIssdfibn_5hellou9gre_6ka8iu8lnge_loa", "hello::gre_6ka8i::lnge_loa"},
};

TEST(RustName, IsWhatAPersonWrites) {
  for (const Symbol& one : symbols) EXPECT_EQ(rust_name(one.symbol), one.name) << one.symbol;
}

TEST(RustName, IsShownOfBothKindsOfSymbols) {
  EXPECT_EQ(readable("_RNvC5hello5start"), "hello::start");
  EXPECT_EQ(readable("_ZN5hello5start17h0123456789abcdefE"), "hello::start");
  EXPECT_EQ(readable("_ZN5hello5start17h0123456789abcdefE.llvm.77"), "hello::start");
  EXPECT_EQ(readable("_ZN47_$LT$hello..Greeter$u20$as$u20$hello..Speak$GT$5speak17h0123456789abcdefE"),
            "<hello::Greeter as hello::Speak>::speak");
  EXPECT_EQ(readable("_RNvC5hello9start"), "_RNvC5hello9start") << "what is no name stays as it is";
  EXPECT_EQ(readable("main"), "main");
}

TEST(RustName, OfMalformedSymbolsIsNone) {
  for (const char* symbol : {"",
                             "_R",
                             "_RN",
                             "_RNv",
                             "_RNvC",
                             "_RNvC1",
                             "_RNvC1a",
                             "_RNvC1a2b",
                             "_RNvC1a1b!",
                             "_RNvC1a1bC",
                             "_R0NvC1a1b",
                             "_RNvB_1a",
                             "_RNvB9_1a",
                             "_RINvC1a1bB",
                             "_RINvC1a1bB5",
                             "_RINvC1a1bh",
                             "_RINvC1a1bKhg_E",
                             "_RINvC1a1bKh1E",
                             "_RINvC1a1bKRe_E",
                             "_RINvC1a1bDE",
                             "_RINvC1a1bw",
                             "_RNvC99999999999999999999991a",
                             "_RNvCszzzzzzzzzzzzzz_1a1b",
                             "_RN1C1a1b",
                             "_ZN1a1bE",
                             "RNvC1a1b"})
    EXPECT_EQ(rust_name(symbol), std::nullopt) << symbol;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

/// As a number that names a place; "_" is 0.
std::string base_62(std::size_t value) {
  static const std::string digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (value == 0) return "_";
  std::string text = "_";
  for (--value; text.size() == 1 || value > 0; value /= 62) text.insert(text.begin(), digits[value % 62]);
  return text;
}

/// Types, each of which is a pair of the one before, so that the last would be written a million times.
/// `before` is as long as what comes before them.
std::string doubled(const std::string& before) {
  std::string types = "ThhE";
  std::size_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string back = "B" + base_62(before.size() + last);
    last = types.size();
    types += "T" + back + back + "E";
  }
  return types;
}

TEST(RustName, OfHostileSymbolsIsNone) {
  EXPECT_EQ(rust_name("_RINvC1a1b" + repeated("R", 5'000) + "hE"), std::nullopt) << "nested deeply";
  EXPECT_EQ(rust_name("_R" + repeated("Nv", 3'000) + "C1a" + repeated("1b", 3'000)), std::nullopt);
  EXPECT_EQ(rust_name("_RNvC1a" + std::to_string(7'000) + std::string(7'000, 'b')), std::nullopt) << "long";
  EXPECT_EQ(rust_name("_RINvC1a1b" + repeated("L_", 100'000) + "E"), std::nullopt);
  EXPECT_EQ(rust_name("_RINvC1a1b" + doubled("INvC1a1b") + "E"), std::nullopt);
  EXPECT_EQ(rust_name("_RNvMINvC1a1b" + doubled("NvMINvC1a1b") + "Eh1c"), std::nullopt)
      << "that nobody would see";
}

TEST(RustName, OfDamagedSymbolsIsBounded) {
  std::mt19937 random(7);
  const std::string letters = "BCDEFGIKLMNOPQRSTXYabcdefhijlmnopstuvxyz0123456789_";
  const auto any = [&](std::size_t size) { return random() % size; };
  int named = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string symbol = symbols[any(std::size(symbols))].symbol;
    for (std::size_t changes = 1 + any(4); changes > 0; --changes) {
      const std::size_t at = 2 + any(symbol.size() - 2);
      if (any(3) == 0) symbol.insert(at, symbol.substr(2 + any(symbol.size() - 2)));
      symbol[at] = letters[any(letters.size())];
      if (any(8) == 0) symbol.resize(at + 1);
    }
    const auto name = rust_name(symbol);
    named += name ? 1 : 0;
    ASSERT_LE(name.value_or("").size(), 8'000U) << symbol;
  }
  EXPECT_GT(named, 1'000);
}

}  // namespace
}  // namespace sluice::symbols
