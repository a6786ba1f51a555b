"""The amounts of an invoice or proposal: each line is rounded, the rounded lines are summed, and the tax of each rate
is calculated from its rounded sum. The printed amounts therefore add up."""

from decimal import ROUND_DOWN, Decimal

from formats import digits_of, rounded
from values import Number, Unsuitable, number, shown


def accounts(data):
    """`data` has `items` (each with `price`, and `quantity`, `taxRate`, `discountRate`, `discount`), and `taxRate`,
    `discountRate`, `discount`, `reverseCharge`, `currency` for all of them. Rates are in per cent.

    Returns lines: the items, each with `quantity`, `price`, `amount`, `taxRate`; subtotal: the sum of the lines;
    discount: subtracted from the subtotal; net; taxes: for each rate `rate`, its part of the `discount`, `net`, `tax`;
    tax: the sum of all taxes; total. Raises Unsuitable."""
    digits = digits_of(data.get("currency"))
    reverse_charge = bool(data.get("reverseCharge"))
    rate = None if reverse_charge else data.get("taxRate")
    lines = [line_of(item, rate, reverse_charge, digits) for item in items_of(data)]
    subtotal = total((line["amount"] for line in lines), digits)
    sums = {}
    for line in lines:
        sums[line["taxRate"]] = sums.get(line["taxRate"], Number(0)) + line["amount"]
    discount = rounded(discount_on(data, subtotal), digits)
    parts = dict(zip(sums, shares(discount, list(sums.values()), digits)))
    for key, part in parts.items():
        sums[key] -= part
    if discount and not sums:
        raise Unsuitable("there is a discount but no items", data["discount"] if "discount" in data else discount)
    taxes = [
        {"rate": key, "discount": parts[key], "net": rounded(net, digits), "tax": rounded(net * key / 100, digits)}
        for key, net in sorted(sums.items(), key=lambda entry: entry[0] or 0)
        if key is not None
    ]
    net = subtotal - discount
    tax = total((entry["tax"] for entry in taxes), digits)
    return {
        "lines": lines,
        "subtotal": subtotal,
        "discount": discount,
        "net": net,
        "taxes": taxes,
        "tax": tax,
        "total": net + tax,
        "reverseCharge": reverse_charge,
    }


def items_of(data):
    items = data.get("items", [])
    items = [items] if isinstance(items, dict) else items
    if not isinstance(items, list):
        raise Unsuitable(f"items: {shown(items)} is not a list of items", items)
    return items


def line_of(item, rate, reverse_charge, digits):
    if not isinstance(item, dict):
        raise Unsuitable(f"items: {shown(item)} is not an object with description, quantity and price", item)
    if "price" not in item:
        raise Unsuitable("an item has no price; set it to 0 for a free item", item)
    quantity, price = number(item.get("quantity", 1)), number(item["price"])
    amount = quantity * price
    own_rate = None if reverse_charge else item.get("taxRate", rate)
    nothing_off = [name for name in ("discountRate", "discount") if name in item and number(item[name]) == 0]
    return {
        **{name: value for name, value in item.items() if name not in nothing_off},
        "quantity": quantity,
        "price": price,
        "amount": rounded(amount - discount_on(item, amount), digits),
        "taxRate": None if own_rate is None else number(own_rate),
    }


def discount_on(entry, amount):
    return amount * number(entry.get("discountRate", 0)) / 100 + number(entry.get("discount", 0))


def total(amounts, digits):
    return rounded(sum(amounts, Number(0)), digits)


def shares(whole, weights, digits):
    """`whole` divided in proportion to the weights. The shares are rounded, and their sum is exactly `whole`: the rest
    left by rounding down goes to the shares that lost most."""
    if not weights:
        return []
    everything = sum(weights, Number(0))
    if everything == 0:
        return [whole] + [Number(0)] * (len(weights) - 1)
    unit = Decimal(1).scaleb(-digits)
    exact = [whole * weight / everything for weight in weights]
    parts = [Number(share.quantize(unit, ROUND_DOWN)) for share in exact]
    left = whole - sum(parts, Number(0))
    step = Number(unit.copy_sign(left))
    by_loss = sorted(range(len(parts)), key=lambda i: abs(exact[i] - parts[i]), reverse=True)
    for i in by_loss[: int(abs(left) / unit)]:
        parts[i] += step
    return parts
